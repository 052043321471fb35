import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { type Backend, Balancer } from "./balancer.js";

/** A server that says its name, echoes, and says good-bye once the client has ended its half. */
async function namedServer(t: TestContext, name: string): Promise<{ port: number; server: Server }> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.write(name);
    socket.on("error", () => undefined);
    socket.on("end", () => socket.end("bye"));
    t.after(() => socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return { port: (server.address() as AddressInfo).port, server };
}

async function balancerFor(t: TestContext, backends: readonly Backend[]): Promise<() => Promise<Socket>> {
  const balancer = new Balancer(backends);
  t.after(() => balancer.close());
  const port = await balancer.listen(0);
  return async () => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    socket.on("error", () => undefined);
    t.after(() => socket.destroy());
    return socket;
  };
}

async function said(socket: Socket): Promise<string> {
  const [bytes] = (await once(socket, "data")) as [Buffer];
  return bytes.toString();
}

test("a connection goes to the backend that has the fewest", async (t) => {
  const [a, b] = [await namedServer(t, "a"), await namedServer(t, "b")];
  const dial = await balancerFor(t, [a, b]);
  const first = await dial();
  assert.equal(await said(first), "a");
  assert.equal(await said(await dial()), "b");
  assert.equal(await said(await dial()), "a");
  first.destroy();
  await once(first, "close");
  const third = await dial();
  assert.match(await said(third), /^[ab]$/);
});

test("a backend that is gone is passed over, and so is one that has no port yet", async (t) => {
  const [dead, alive] = [await namedServer(t, "dead"), await namedServer(t, "alive")];
  dead.server.close();
  await once(dead.server, "close");
  const dial = await balancerFor(t, [{ port: undefined }, dead, alive]);
  for (let count = 0; count < 3; count++) assert.equal(await said(await dial()), "alive");
});

test("a client is cut off when no backend takes it", async (t) => {
  const dial = await balancerFor(t, [{ port: undefined }]);
  const socket = await dial();
  await once(socket.resume(), "end");
});

test("each half ends by itself: what comes after the client's end still arrives", async (t) => {
  const dial = await balancerFor(t, [await namedServer(t, "a")]);
  const socket = await dial();
  assert.equal(await said(socket), "a");
  socket.end();
  assert.equal(await said(socket), "bye");
});

test("a client's connection ends with its backend's", async (t) => {
  const backend = await namedServer(t, "a");
  const accepted = once(backend.server, "connection") as Promise<[Socket]>;
  const dial = await balancerFor(t, [backend]);
  const socket = await dial();
  assert.equal(await said(socket), "a");
  const [upstream] = await accepted;
  upstream.resetAndDestroy();
  await once(socket.resume(), "end");
});
