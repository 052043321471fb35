import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, type Socket } from "node:net";
import { after, before, test } from "node:test";
import { createPort } from "./port.js";

/** A connection as whoever took it over saw it. */
interface Taken {
  readonly protocol: "http1" | "http2";
  readonly bytes: string;
}

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const taken: ((what: Taken) => void)[] = [];
const accepted: Socket[] = [];
const port = createPort({
  maxConnections: 10,
  prefaceTimeoutMs: 60_000,
  onHttp1: (socket) => collect("http1", socket, new Uint8Array(0)),
  onHttp2: (socket, firstBytes) => {
    assert.equal(Buffer.from(firstBytes).toString("latin1", 0, preface.length), preface, "the whole preface, at once");
    collect("http2", socket, firstBytes);
  },
});

function collect(protocol: Taken["protocol"], socket: Socket, firstBytes: Uint8Array): void {
  const chunks: Buffer[] = [Buffer.from(firstBytes)];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("end", () => {
    taken.shift()?.({ protocol, bytes: Buffer.concat(chunks).toString("latin1") });
    socket.destroy();
  });
}

before(async () => {
  port.on("connection", (socket) => accepted.push(socket));
  port.listen(0, "127.0.0.1");
  await once(port, "listening");
});
after(() => port.close());

/** Send the pieces, each when the one before has been read on the other side, and end. */
async function send(pieces: readonly string[]): Promise<Taken> {
  const client = connect((port.address() as AddressInfo).port, "127.0.0.1").setNoDelay();
  await once(client, "connect");
  while (accepted.length === 0) await new Promise(setImmediate);
  const server = accepted.shift();
  assert.ok(server);
  const result = new Promise<Taken>((resolve) => taken.push(resolve));
  let sentBytes = 0;
  for (const piece of pieces) {
    client.write(piece, "latin1");
    sentBytes += piece.length;
    while (server.bytesRead < sentBytes) await new Promise(setImmediate);
  }
  client.end();
  const what = await result;
  client.destroy();
  return what;
}

const openings = {
  http2: [`${preface}\0\0\0\x04\0\0\0\0\0`],
  // The last two begin as the preface of HTTP/2 does, as far as a method and a path can.
  http1: ["GET / HTTP/1.1\r\nhost: a\r\n\r\n", "PUT /x HTTP/1.1\r\n\r\n", "PRI * HTTP/1.1\r\n\r\n"],
} as const;

for (const protocol of ["http1", "http2"] as const) {
  for (const bytes of openings[protocol]) {
    const shown = JSON.stringify(bytes.slice(0, 16));
    test(`${shown} is ${protocol} wherever it is cut in two, and not a byte is lost`, async () => {
      for (let cut = 1; cut < bytes.length; cut++) {
        assert.deepEqual(await send([bytes.slice(0, cut), bytes.slice(cut)]), { protocol, bytes }, `cut at ${cut}`);
      }
    });

    test(`${shown} is ${protocol} byte by byte`, async () => {
      assert.deepEqual(await send([...bytes]), { protocol, bytes });
    });
  }
}

test("a connection that ends before it shows its protocol is dropped in silence", async () => {
  for (const beginning of ["", "PRI * HTT"]) {
    const client = connect((port.address() as AddressInfo).port, "127.0.0.1");
    client.end(beginning);
    const [hadError] = (await once(client.resume(), "close")) as [boolean];
    assert.equal(hadError, false);
    accepted.shift();
  }
  assert.deepEqual(taken, []);
});
