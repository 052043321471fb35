import assert from "node:assert/strict";
import { ConfabError, decodeChatMessage, EnvelopeReader, formatPosition, parsePosition } from "@confab/contract";
import { type DecodeResult, fuzz } from "./fuzz.js";

function refusedBy(decode: () => unknown): DecodeResult {
  try {
    return { taken: decode() };
  } catch (thrown) {
    assert.ok(thrown instanceof ConfabError, String(thrown));
    assert.notEqual(thrown.code, "INTERNAL");
    return { refused: thrown.code };
  }
}

fuzz({
  name: "envelopes",
  decode: (chunks) => {
    const messages: unknown[] = [];
    let refused: string | undefined;
    const reader = new EnvelopeReader(
      1_000,
      (flags, message) => messages.push([flags, Buffer.from(message).toString("hex")]),
      (length) => {
        assert.equal(refused, undefined, "refused once");
        refused = `${length} bytes after ${messages.length} messages`;
      },
    );
    for (const chunk of chunks) reader.push(chunk);
    return refused === undefined ? { taken: [messages, reader.isAtBoundary] } : { refused };
  },
});

fuzz({
  name: "chat-message-proto",
  decode: (chunks) => refusedBy(() => decodeChatMessage(Buffer.concat(chunks))),
});

fuzz({
  name: "positions",
  decode: (chunks) => {
    const text = Buffer.concat(chunks).toString("latin1");
    const position = parsePosition(text);
    if (!position) return { refused: "no position" };
    assert.equal(formatPosition(position), text, "a position has one spelling");
    return { taken: position };
  },
});
