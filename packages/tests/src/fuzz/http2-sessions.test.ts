import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { Exchange } from "../../../server/dist/http/exchange.js";
// By path, as in server-decoders.test.ts.
import { serveHttp2 } from "../../../server/dist/http/h2/connection.js";
import { Sweeper } from "../../../server/dist/http/h2/sweeper.js";
import { fuzz } from "./fuzz.js";

/** A connected socket without a network, whose bytes come when the test emits them and which keeps what it is given. */
class FakeSocket extends Duplex {
  readonly sent: Buffer[] = [];

  setNoDelay(): this {
    return this;
  }

  override _read(): void {
    // Bytes come by `emit`.
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, taken: () => void): void {
    this.sent.push(Buffer.from(bytes));
    taken();
  }
}

const goAway = 0x7;

/** What the server's frames say about the end: the code of its GOAWAY. */
function goAwayCode(bytes: Buffer): number | undefined {
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
    if (bytes.readUInt8(at + 3) === goAway) return bytes.readUInt32BE(at + 9 + 4);
  }
  return undefined;
}

fuzz({
  name: "http2-sessions",
  cost: 3,
  decode: async (chunks) => {
    const socket = new FakeSocket();
    const requests: { readonly head: string; body: string; isWhole: boolean }[] = [];
    const onExchange = (exchange: Exchange) => {
      const { method, target, headers } = exchange.request;
      const request = { head: JSON.stringify([method, target, headers]), body: "", isWhole: false };
      requests.push(request);
      exchange.listen({
        data: (chunk) => {
          request.body += Buffer.from(chunk).toString("hex");
        },
        ended: () => {
          request.isWhole = true;
          exchange.respond(200, { "content-type": "text/plain" });
          exchange.write(Buffer.from("ok"));
          exchange.end();
        },
        drained: () => undefined,
        aborted: () => undefined,
      });
    };
    const bugs: unknown[] = [];
    const options = {
      scheme: "http",
      peer: { address: "127.0.0.1" },
      maxHeaderBytes: 4_000,
      maxStreams: 10,
      sweeper: new Sweeper(() => 0),
      onError: (error: unknown) => bugs.push(error),
    } as const;
    const connection = serveHttp2(socket as unknown as Socket, new Uint8Array(0), options, onExchange);
    for (const chunk of chunks) socket.emit("data", Buffer.from(chunk));
    // What the turn wrote leaves when it ends.
    await new Promise(setImmediate);
    socket.destroy();
    await connection.closed;
    assert.deepEqual(bugs, []);
    const code = goAwayCode(Buffer.concat(socket.sent));
    return code === undefined || code === 0 ? { taken: requests } : { refused: `${code} ${JSON.stringify(requests)}` };
  },
});
