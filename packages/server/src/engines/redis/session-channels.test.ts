import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "@confab/contract/testing/random";
import { ErrorReply } from "@redis/client";
import { RedisLostError } from "./redis-error.js";
import type { Session } from "./session.js";
import { SessionChannels } from "./session-channels.js";

interface Sent {
  readonly command: string;
  readonly resolve: () => void;
  readonly reject: (thrown: unknown) => void;
}

/** A session whose server answers when the test says so, in the order of the commands. */
class FakeSession {
  /** What was sent, all of it. */
  readonly commands: string[] = [];
  readonly unanswered: Sent[] = [];
  /** What the server has, as it has come to the commands that were answered. */
  readonly subscribed = new Set<string>();
  endedWith: Error | undefined;
  moved: (channel: string) => void = () => undefined;

  subscribe(channel: string): Promise<void> {
    return this.sent(`+${channel}`);
  }

  unsubscribe(channel: string): Promise<void> {
    return this.sent(`-${channel}`);
  }

  whenMoved(moved: (channel: string) => void): void {
    this.moved = moved;
  }

  end(cause: Error): void {
    this.endedWith = cause;
  }

  /** The server answers its oldest command, and what waits for that goes on. */
  async answer(thrown?: Error): Promise<void> {
    const sent = this.unanswered.shift();
    assert.ok(sent, "there is a command without an answer");
    if (thrown) {
      sent.reject(thrown);
    } else {
      const channel = sent.command.slice(1);
      if (sent.command.startsWith("+")) this.subscribed.add(channel);
      else this.subscribed.delete(channel);
      sent.resolve();
    }
    await new Promise(setImmediate);
  }

  async answerAll(): Promise<void> {
    while (this.unanswered.length > 0) await this.answer();
  }

  private sent(command: string): Promise<void> {
    this.commands.push(command);
    return new Promise((resolve, reject) => this.unanswered.push({ command, resolve, reject }));
  }
}

function opened() {
  const session = new FakeSession();
  const moved: string[] = [];
  const channels = new SessionChannels({
    session: session as unknown as Session,
    heard: () => undefined,
    moved: (channel) => moved.push(channel),
  });
  return { session, channels, moved };
}

/** Whether a promise has resolved by now. */
async function isDone(promise: Promise<void>): Promise<boolean> {
  const pending = Symbol();
  return (await Promise.race([promise, new Promise((resolve) => setImmediate(resolve, pending))])) !== pending;
}

test("a channel that is given up and wanted again before the answer is subscribed again after it", async () => {
  const { session, channels } = opened();
  const first = channels.subscribe("a");
  await session.answer();
  await first;
  channels.unsubscribe("a");
  const second = channels.subscribe("a");
  assert.deepEqual(session.commands, ["+a", "-a"], "the second waits for the end of the first");
  await session.answer();
  assert.deepEqual(session.commands, ["+a", "-a", "+a"]);
  assert.equal(await isDone(second), false);
  await session.answer();
  await second;
  assert.ok(session.subscribed.has("a"));
});

test("a channel that is given up while its subscription is on its way is unsubscribed after it", async () => {
  const { session, channels } = opened();
  const subscribing = channels.subscribe("a");
  channels.unsubscribe("a");
  await session.answerAll();
  await subscribing;
  assert.deepEqual(session.commands, ["+a", "-a"]);
  assert.equal(session.subscribed.size, 0);
});

test("wishes that cancel each other while a command is on its way send nothing", async () => {
  const { session, channels } = opened();
  const first = channels.subscribe("a");
  channels.unsubscribe("a");
  const second = channels.subscribe("a");
  await session.answerAll();
  await Promise.all([first, second, channels.subscribe("a")]);
  assert.deepEqual(session.commands, ["+a"]);
});

test("whatever is wanted when, the server ends up with what was wanted last", async () => {
  const random = new Random(8);
  for (let round = 0; round < 200; round++) {
    const { session, channels } = opened();
    const wanted = new Set<string>();
    for (let step = 0; step < 30; step++) {
      const channel = random.pick(["a", "b", "c"]);
      if (random.oneIn(3) && session.unanswered.length > 0) {
        await session.answer();
      } else if (random.oneIn(2)) {
        wanted.add(channel);
        void channels.subscribe(channel);
      } else {
        wanted.delete(channel);
        channels.unsubscribe(channel);
      }
      assert.ok(session.unanswered.length <= 3, "one command for each channel");
    }
    await session.answerAll();
    assert.deepEqual([...session.subscribed].sort(), [...wanted].sort(), `round ${round}`);
  }
});

test("a subscription that is refused is not kept, and the next one is sent again", async () => {
  const { session, channels } = opened();
  const refused = assert.rejects(channels.subscribe("a"), ErrorReply);
  await session.answer(new ErrorReply("MOVED 1 127.0.0.1:1"));
  await refused;
  const again = channels.subscribe("a");
  await session.answerAll();
  await again;
  assert.deepEqual(session.commands, ["+a", "+a"]);
});

test("a channel whose slot has moved before its end is subscribed no more, and can be wanted again", async () => {
  const { session, channels } = opened();
  void channels.subscribe("a");
  await session.answer();
  channels.unsubscribe("a");
  const again = assert.rejects(channels.subscribe("a"), ErrorReply);
  await session.answer(new ErrorReply("MOVED 1 127.0.0.1:1"));
  assert.deepEqual(session.commands, ["+a", "-a", "+a"]);
  await session.answer(new ErrorReply("MOVED 1 127.0.0.1:1"));
  await again;
});

test("a session that ends rejects what was wanted, and what is given up then harms nothing", async () => {
  const { session, channels } = opened();
  const lost = assert.rejects(channels.subscribe("a"), RedisLostError);
  await session.answer(new RedisLostError("lost", true));
  await lost;
  const also = channels.subscribe("b");
  await session.answer();
  await also;
  channels.unsubscribe("b");
  await session.answer(new RedisLostError("lost", true));
});

test("the end of a subscription by the server is told once, and its channel can be wanted again", async () => {
  const { session, channels, moved } = opened();
  void channels.subscribe("a");
  await session.answer();
  session.moved("a");
  assert.deepEqual(moved, ["a"]);
  void channels.subscribe("a");
  assert.deepEqual(session.commands, ["+a", "+a"]);
  assert.equal(session.endedWith, undefined);
});

test("an end that does not fit what was asked ends the session", async () => {
  for (const prepare of [
    // Of what was never subscribed: an answer that was taken for another one.
    async () => undefined,
    // While a command for it is on its way.
    async (channels: SessionChannels) => void channels.subscribe("a"),
  ]) {
    const { session, channels, moved } = opened();
    await prepare(channels);
    session.moved("a");
    assert.ok(session.endedWith);
    assert.deepEqual(moved, []);
  }
});
