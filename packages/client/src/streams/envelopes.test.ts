import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError, enveloped } from "@confab/contract";
import { isNetworkFailure } from "../network-failure.js";
import { envelopes } from "./envelopes.js";

async function messagesOf(chunks: AsyncIterable<Uint8Array>): Promise<number[][]> {
  const messages: number[][] = [];
  for await (const { message } of envelopes(chunks)) messages.push([...message]);
  return messages;
}

async function* oneByOne(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (const byte of bytes) yield new Uint8Array([byte]);
}

const bytes = enveloped(0, new Uint8Array([1, 2, 3]));

test("an envelope comes whole, however its bytes come", async () => {
  assert.deepEqual(await messagesOf(oneByOne(bytes)), [[1, 2, 3]]);
});

// Users saw PROTOCOL_VIOLATION, which no client repeats, for a gRPC send whose connection was cut within the answer.
test("a stream that ends within an envelope was cut off by the network, wherever that is", async () => {
  for (let length = 1; length < bytes.length; length++) {
    await assert.rejects(
      messagesOf(oneByOne(bytes.subarray(0, length))),
      (error) => error instanceof ConfabError && error.kind.retry && isNetworkFailure(error),
      `after ${length} bytes`,
    );
  }
});
