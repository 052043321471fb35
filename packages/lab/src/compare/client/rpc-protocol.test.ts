import assert from "node:assert/strict";
import { it } from "node:test";
import { enveloped } from "@confab/contract";
import { bindSample } from "../sample/bound-sample.js";
import { transports } from "../transports.js";
import { createCodec } from "./message-codec.js";
import { rpcProtocol } from "./rpc-protocol.js";

const event = Buffer.from('id: 1:1\ndata: {"text":"whole"}\n\n');
const cases = {
  grpc: { stream: Buffer.from(enveloped(0, Buffer.from("whole message"))), body: "whole message" },
  sse: { stream: event, body: '{"text":"whole"}' },
} as const;

// All connections read into one buffer. When a message came in two reads, the second read of another connection used to
// overwrite the first half, which was seen as text that is not UTF-8.
for (const [name, { stream, body }] of Object.entries(cases)) {
  it(`${name}: half a message is kept when the buffer that it came in is used again`, () => {
    const transport = transports[name as keyof typeof cases];
    const codec = createCodec(transport.codec, bindSample({ kind: "chat", user: "ann", text: "hi" }));
    const bodies: string[] = [];
    const reader = rpcProtocol(transport, codec).createStreamReader(
      (bytes) => bodies.push(Buffer.from(bytes).toString()),
      assert.fail,
    );
    const shared = Buffer.alloc(stream.length);
    const half = 9;
    stream.copy(shared, 0, 0, half);
    reader.push(shared.subarray(0, half));
    shared.fill(0);
    stream.copy(shared, 0, half);
    reader.push(shared.subarray(0, stream.length - half));
    assert.deepEqual(bodies, [body]);
  });
}
