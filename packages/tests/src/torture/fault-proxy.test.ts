import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { Random } from "@confab/contract/testing/random";
import { drawFate, type Ending, type Fate, harmless } from "./fate.js";
import { type FaultProxy, startFaultProxy } from "./fault-proxy.js";
import { ProxiedConnection } from "./proxied-connection.js";

/** A server that sends back what it gets, behind a proxy with this fate for everybody. */
async function echoBehind(t: TestContext, fate: () => Fate): Promise<{ proxy: FaultProxy; dial: () => Socket }> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => undefined);
    socket.pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const proxy = await startFaultProxy({ random: new Random(1), drawFate: fate });
  proxy.aim([(server.address() as AddressInfo).port]);
  t.after(async () => {
    await proxy.close();
    server.close();
  });
  const port = Number(new URL(proxy.url).port);
  return { proxy, dial: () => connect({ port, host: "127.0.0.1", allowHalfOpen: true }) };
}

/** What came until the connection ended, and how it ended. */
async function everything(socket: Socket): Promise<{ bytes: Buffer; end: string }> {
  const chunks: Buffer[] = [];
  let end = "FIN";
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", (error: NodeJS.ErrnoException) => {
    end = error.code ?? "error";
  });
  socket.on("end", () => socket.end());
  await once(socket, "close").catch(() => undefined);
  return { bytes: Buffer.concat(chunks), end };
}

function ending(kind: Ending): () => Fate {
  return () => ({ ...harmless, ending: kind });
}

const sent = Buffer.from(new Random(3).bytes(300_000));

test("whatever a connection's fate is, what comes through is what was sent, in order, from its first byte", async (t) => {
  const random = new Random(11);
  const fates = Array.from({ length: 40 }, () => drawFate(random)).map(shortened);
  const remaining = [...fates];
  const { dial } = await echoBehind(t, () => remaining.shift() ?? harmless);
  const results = await Promise.all(
    fates.map(async () => {
      const socket = dial();
      const result = everything(socket);
      socket.end(sent);
      return result;
    }),
  );
  const digest = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
  for (const { bytes } of results) assert.equal(digest(bytes), digest(sent.subarray(0, bytes.length)));
  const whole = results.filter(({ bytes }) => bytes.length === sent.length);
  assert.ok(whole.length > 0 && whole.length < results.length, `${whole.length} of ${results.length} came whole`);
});

/** The same fate with waits that a test can afford. */
function shortened({ pace, ending: end }: Fate): Fate {
  return {
    pace: pace.kind === "throttle" ? { ...pace, bytesPerSecond: 3_000_000 } : pace,
    ending: end.kind === "stall" ? { ...end, forMs: 50 } : end,
  };
}

test("a reset comes between two chunks, a truncation exactly where it is due", async (t) => {
  let fate: Ending = { kind: "reset", afterBytes: 10 };
  const { dial } = await echoBehind(t, () => ending(fate)());
  const first = dial();
  const reset = everything(first);
  first.write("12345678901");
  assert.deepEqual(await reset, { bytes: Buffer.alloc(0), end: "ECONNRESET" });

  fate = { kind: "truncate", afterBytes: 14 };
  const second = dial();
  const truncated = everything(second);
  second.write("1234567890");
  assert.equal((await truncated).bytes.toString(), "1234");
});

test("a finished connection ends in good order, without what was due", async (t) => {
  const { dial, proxy } = await echoBehind(t, ending({ kind: "finish", afterBytes: 5 }));
  const socket = dial();
  const result = everything(socket);
  socket.write("123456");
  assert.deepEqual(await result, { bytes: Buffer.alloc(0), end: "FIN" });
  assert.equal(proxy.counts["finish"], 1);
});

test("a half-open connection says nothing on its stalled way, and is cut when calm comes", async (t) => {
  const { dial, proxy } = await echoBehind(
    t,
    ending({ kind: "stall", afterBytes: 12, ways: ["down"], forMs: 3_600_000 }),
  );
  const socket = dial();
  const result = everything(socket);
  socket.write("123456");
  await once(socket, "data");
  socket.write("78");
  // The stall begins with the answer to this; when it is counted, it has begun.
  while (proxy.counts["stall"] === undefined) await new Promise((resolve) => setImmediate(resolve));
  proxy.calm();
  assert.deepEqual(await result, { bytes: Buffer.from("123456"), end: "ECONNRESET" });
  const after = dial();
  const whole = everything(after);
  after.end(sent);
  assert.equal((await whole).bytes.length, sent.length);
});

test("a storm resets everybody, and where there is no server everybody is reset", async (t) => {
  const { dial, proxy } = await echoBehind(t, () => harmless);
  const sockets = [dial(), dial(), dial()];
  const results = sockets.map(everything);
  for (const socket of sockets) socket.write("hello");
  await Promise.all(sockets.map((socket) => once(socket, "data")));
  proxy.storm();
  for (const { end } of await Promise.all(results)) assert.equal(end, "ECONNRESET");
  proxy.aim([]);
  const socket = dial();
  assert.match((await everything(socket)).end, /ECONNRESET/);
});

// What was seen: the process of a run whose proof was printed never ended. Node could not reset a socket that was sending its
// FIN (EINVAL), kept it, and waited for it at its end.
test("a connection that is cut while a FIN is on its way leaves no socket behind", async (t) => {
  const { dial } = await echoBehind(t, () => harmless);
  const [client, server] = [dial(), dial()];
  await Promise.all([once(client, "connect"), once(server, "connect")]);
  const errors: unknown[] = [];
  server.on("error", (error) => errors.push(error));
  const connection = new ProxiedConnection(client, server, harmless, {
    random: new Random(1),
    met: () => undefined,
    closed: () => undefined,
  });
  const gone = once(server, "close");
  server.end();
  // The FIN is asked for in this turn, and is on its way in the next one.
  await new Promise((resolve) => process.nextTick(resolve));
  connection.cut();
  await gone;
  assert.deepEqual(errors, []);
});
