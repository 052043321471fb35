import assert from "node:assert/strict";
import { test } from "node:test";
import type { Link } from "../link.js";
import { settled } from "../sdk/testing/manual-clock.js";
import type { ChannelEvents, FrameChannel } from "./channel.js";
import { FrameLink } from "./frame-link.js";

/** A link whose server says what the test says, in JSON. */
function scripted() {
  const sent: Record<string, unknown>[] = [];
  let events: ChannelEvents | undefined;
  const say = (frame: object) => events?.onMessage(JSON.stringify(frame));
  const openChannel = (given: ChannelEvents): FrameChannel => {
    events = given;
    return {
      isOpen: true,
      send: (frame) => sent.push(JSON.parse(String(frame)) as Record<string, unknown>),
      close: (error) => given.onClosed(error),
    };
  };
  const aside = { close: () => undefined } as Link;
  const link = new FrameLink({ url: "http://a" }, { transport: "websocket-json", format: "json", openChannel, aside });
  const position = (offset: number) => ({ epoch: 7, offset: `${offset}` });
  const subscribed = (request: unknown, offset: number) =>
    say({ request, subscribed: { room: "r", position: position(offset) } });
  const messages = (...offsets: number[]) =>
    say({
      messages: { messages: offsets.map((at) => ({ room: "r", user: "b", text: `${at}`, position: position(at) })) },
    });
  return { link, sent, say, subscribed, messages };
}

/** What the reader of a new subscription gets that begins after offset 9, after one that was given up before its answer. */
async function secondReader(between: (server: ReturnType<typeof scripted>, firstRequest: unknown) => void) {
  const server = scripted();
  const { link, sent, say, subscribed, messages } = server;
  const leaving = new AbortController();
  const told: string[] = [];
  const first = link.listen({ room: "r" }, { signal: leaving.signal });
  say({ welcome: {} });
  await settled();
  leaving.abort();
  await assert.rejects(first, { code: "CANCELLED" });
  const second = link.listen(
    { room: "r", after: "7:9" },
    { onSignal: ({ kind }) => told.push(kind), onPresence: ({ user }) => told.push(user) },
  );
  await settled();
  const requests = sent.filter((frame) => "subscribe" in frame).map(({ request }) => request);
  between(server, requests[0]);
  subscribed(requests[1], 9);
  messages(10);
  const listening = await second;
  assert.equal(listening.position, "7:9");
  const { value } = await listening[Symbol.asyncIterator]().next();
  link.close();
  return { text: value?.text, told };
}

test("messages of an earlier subscription of the room are dropped", async () => {
  const { text } = await secondReader(({ messages }) => messages(1, 2, 3));
  assert.equal(text, "10");
});

// The answer to a subscription that was given up was taken for the answer to the next one, whose reader then found a hole and
// gave the whole connection up.
test("the answer to an earlier subscription begins no other, and what follows it is dropped", async () => {
  const { text } = await secondReader(({ subscribed, messages }, request) => {
    subscribed(request, 3);
    messages(4, 5);
  });
  assert.equal(text, "10");
});

test("the end of an earlier subscription, its signals and its presence are not another's", async () => {
  const { text, told } = await secondReader(({ say }) => {
    say({ signal: { room: "r", user: "b", kind: "typing" } });
    say({ presence: { room: "r", user: "b", present: true, members: 1 } });
    say({ unsubscribed: { room: "r", reason: { code: "OUT_OF_RANGE", message: "trimmed" } } });
  });
  assert.equal(text, "10");
  assert.deepEqual(told, []);
});

test("a subscription that the server ends fails with its reason", async () => {
  const { link, sent, say, subscribed } = scripted();
  const begun = link.listen({ room: "r" });
  say({ welcome: {} });
  await settled();
  subscribed(sent[0]?.["request"], 0);
  const next = (await begun)[Symbol.asyncIterator]().next();
  say({ unsubscribed: { room: "r", reason: { code: "OUT_OF_RANGE", message: "trimmed" } } });
  await assert.rejects(next, { code: "OUT_OF_RANGE" });
  link.close();
});
