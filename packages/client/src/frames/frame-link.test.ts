import assert from "node:assert/strict";
import { test } from "node:test";
import type { Link } from "../link.js";
import { networkFailure } from "../network-failure.js";
import { settled } from "../sdk/testing/manual-clock.js";
import type { ChannelEvents } from "./channel.js";
import { FrameLink } from "./frame-link.js";

/** A welcomed link whose server says nothing more. */
async function welcomed(maxMessageBytes: number) {
  const sent: string[] = [];
  const opened: ChannelEvents[] = [];
  const openChannel = (events: ChannelEvents) => {
    opened.push(events);
    return { isOpen: true, send: (frame: unknown) => void sent.push(String(frame)), close: events.onClosed };
  };
  const aside = { close: () => undefined, open: async () => undefined } as unknown as Link;
  const link = new FrameLink({ url: "http://a" }, { transport: "websocket-json", format: "json", openChannel, aside });
  const open = link.open();
  opened[0]?.onMessage(JSON.stringify({ welcome: { maxMessageBytes } }));
  await open;
  return { link, sent, lose: () => opened[0]?.onClosed(networkFailure("ENGINE_UNAVAILABLE", "gone")) };
}

test("what was sent on a connection that is lost may have been stored: a message, and a batch", async () => {
  const { link, lose } = await welcomed(1_000);
  const sends = [
    link.send({ user: "ann", text: "hi" }),
    link.sendAll({ messages: [{ user: "ann", text: "hi" }] }),
    link.history({}),
  ];
  await settled();
  lose();
  const outcomes = await Promise.allSettled(sends);
  assert.deepEqual(
    outcomes.map((outcome) => outcome.status === "rejected" && outcome.reason.code),
    ["OUTCOME_UNKNOWN", "OUTCOME_UNKNOWN", "ENGINE_UNAVAILABLE"],
  );
});

test("a batch that is certainly too large is not sent, since a frame over its bound ends the connection", async () => {
  const { link, sent } = await welcomed(1_000);
  const saying = (length: number) => [1, 2].map(() => ({ user: "ann", text: "x".repeat(length) }));
  await assert.rejects(link.sendAll({ messages: saying(482) }), {
    code: "PAYLOAD_TOO_LARGE",
    message: "this is 1002 bytes; maxMessageBytes is 1000",
  });
  assert.deepEqual(sent, []);
  link.sendAll({ messages: saying(481) }).catch(() => undefined);
  await settled();
  assert.equal(sent.length, 1);
  link.close();
});
