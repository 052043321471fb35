import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { ConfabError } from "@confab/contract";
import type { SubscribePrefixSchema } from "@confab/contract/gen/confab/v1/room_prefix_pb";
import type { RoomId } from "../../core/index.js";
import { FrameClient, FrameServer } from "../../testing/fake-channel.js";
import { type Principal, unrestricted } from "../operations/index.js";

type Asked = MessageInitShape<typeof SubscribePrefixSchema>;

const prefixFrame = (value: Asked) => ({ case: "subscribePrefix" as const, value: { prefix: "team-7.", ...value } });
const unsubscribe = (value: { prefix?: string; room?: string }) => ({ case: "unsubscribe" as const, value });
const subscribe = (room: string) => ({ case: "subscribe" as const, value: { reader: { room } } });

function place(room: string, offset: number, epoch = 7) {
  return { room, position: { epoch, offset: BigInt(offset) } };
}

class Team {
  readonly server: FrameServer;

  constructor(...args: ConstructorParameters<typeof FrameServer>) {
    this.server = new FrameServer(...args);
  }

  async say(room: string, count = 1): Promise<void> {
    await this.server.hub.say(count, room as RoomId);
    await this.server.settle();
  }

  client(format: "proto" | "json" = "proto"): FrameClient {
    return new FrameClient(this.server, format);
  }
}

/** What the client was sent about its subscriptions: `+room@offset`, `+` for the end of the beginning, `-room CODE`. */
function told(client: FrameClient): string[] {
  return client.frames.flatMap(({ request, frame }) => {
    if (frame.case === "subscribed") {
      const { room, position, prefix } = frame.value;
      const where = position ? `@${position.offset}` : "";
      return [`${request} ${prefix === "" ? "" : `${prefix}: `}+${room}${where}`];
    }
    if (frame.case !== "unsubscribed") return [];
    const { room, reason, prefix } = frame.value;
    return [`${request} ${prefix === "" ? "" : `${prefix}: `}-${room} ${reason?.code ?? ""}`.trimEnd()];
  });
}

function messages(client: FrameClient): string[] {
  return client
    .all("messages")
    .flatMap(({ value }) => value.messages.map(({ room, position }) => `${room}@${position?.offset}`));
}

for (const format of ["proto", "json"] as const) {
  test(`${format}: the rooms of a prefix are read that are there, and each that comes later from its first message`, async () => {
    const team = new Team();
    for (const room of ["team-7.a", "team-7.b", "team-70", "team-8.a"]) await team.say(room, 2);
    const client = team.client(format);
    await client.ask({ request: 5, frame: prefixFrame({}) });
    assert.deepEqual(told(client), ["5 team-7.: +team-7.a@2", "5 team-7.: +team-7.b@2", "5 team-7.: +"]);
    await team.say("team-7.b");
    await team.say("team-8.a");
    await team.say("team-7.new", 2);
    await team.say("team-7.new");
    assert.deepEqual(messages(client), ["team-7.b@3", "team-7.new@1", "team-7.new@2", "team-7.new@3"]);
    assert.deepEqual(told(client).slice(3), ["5 team-7.: +team-7.new@0"]);
  });
}

test("a resume goes on by room, and reads rooms that came meanwhile from their first message", async () => {
  const team = new Team();
  for (const room of ["team-7.a", "team-7.b"]) await team.say(room, 3);
  await team.say("team-7.made", 2);
  const client = team.client();
  const after = [place("team-7.a", 1), place("team-7.b", 3)];
  await client.ask({ request: 1, frame: prefixFrame({ after, resumed: true }) });
  assert.deepEqual(
    client.all("subscribed").map(({ value }) => [value.room, value.recovered]),
    [
      ["team-7.a", true],
      ["team-7.b", true],
      ["team-7.made", false],
      ["", false],
    ],
  );
  assert.deepEqual(messages(client), ["team-7.a@2", "team-7.a@3", "team-7.made@1", "team-7.made@2"]);
});

test("without a resume, rooms that are not named begin with what is sent from now on, or with history", async () => {
  const team = new Team();
  for (const room of ["team-7.a", "team-7.b"]) await team.say(room, 3);
  const client = team.client();
  await client.ask({ request: 1, frame: prefixFrame({ after: [place("team-7.a", 2)], history: 1 }) });
  assert.deepEqual(messages(client), ["team-7.a@3", "team-7.b@3"]);
});

test("rooms that are too many for one frame are named in several", async () => {
  const team = new Team();
  for (const room of ["team-7.a", "team-7.b", "team-7.c"]) await team.say(room, 2);
  const client = team.client();
  const part = (name: string, offset: number) => ({ after: [place(`team-7.${name}`, offset)], more: true });
  await client.ask({ request: 1, frame: prefixFrame(part("a", 1)) });
  await client.ask({ request: 1, frame: prefixFrame(part("b", 2)) });
  assert.deepEqual([told(client), client.errors], [[], []]);
  await client.ask({ request: 1, frame: prefixFrame({ after: [place("team-7.c", 1)], resumed: true }) });
  assert.deepEqual(told(client).sort(), [
    "1 team-7.: +",
    "1 team-7.: +team-7.a@1",
    "1 team-7.: +team-7.b@2",
    "1 team-7.: +team-7.c@1",
  ]);
  assert.deepEqual(messages(client).sort(), ["team-7.a@2", "team-7.c@2"]);

  // One that is refused takes what came before it along.
  const another = team.client();
  await another.ask({ request: 1, frame: prefixFrame(part("a", 1)) });
  await another.ask({ request: 2, frame: prefixFrame({ prefix: "team-8." }) });
  assert.deepEqual(another.errors, ["2 INVALID_MESSAGE"]);
  await another.ask({ request: 3, frame: prefixFrame({}) });
  assert.deepEqual(messages(another), []);
  Object.assign(team.server.hub.limits, { maxRoomsPerPrefix: 1 });
  const third = team.client();
  await third.ask({ request: 1, frame: prefixFrame(part("a", 1)) });
  await third.ask({ request: 1, frame: prefixFrame(part("b", 1)) });
  assert.deepEqual(third.errors, ["1 TOO_MANY_SUBSCRIPTIONS"]);
});

test("OUT_OF_RANGE of one room is told for that room, and the others go on", async () => {
  const team = new Team();
  for (const room of ["team-7.a", "team-7.b"]) await team.say(room, 3);
  const client = team.client();
  const after = [place("team-7.a", 1, 99), place("team-7.b", 2), place("team-7.gone", 2)];
  await client.ask({ request: 1, frame: prefixFrame({ after, resumed: true }) });
  assert.deepEqual(told(client), [
    "1 team-7.: +team-7.b@2",
    "1 team-7.: -team-7.a OUT_OF_RANGE",
    "1 team-7.: -team-7.gone OUT_OF_RANGE",
    "1 team-7.: +",
  ]);
  assert.deepEqual(messages(client), ["team-7.b@3"]);
});

// Such a room was never read again, and counted for `maxRoomsPerPrefix` as long as the connection lived.
test("a room that was deleted is read from its first message when it is made again", async () => {
  const team = new Team({ maxRoomsPerPrefix: 2 });
  const { engine } = team.server.hub;
  await team.say("team-7.a", 3);
  const client = team.client();
  await client.ask({ request: 1, frame: prefixFrame({ after: [place("team-7.gone", 2)], resumed: false }) });
  await engine.remove("team-7.a" as RoomId);
  await team.server.settle();
  assert.deepEqual(told(client).slice(-1), ["1 team-7.: -team-7.a OUT_OF_RANGE"]);
  for (const room of ["team-7.a", "team-7.gone"]) await team.say(room, 2);
  assert.deepEqual(messages(client), ["team-7.a@1", "team-7.a@2", "team-7.gone@1", "team-7.gone@2"]);
  for (const room of ["team-7.a", "team-7.gone"] as RoomId[]) await engine.remove(room);
  await team.server.settle();
  for (const room of ["team-7.b", "team-7.c"]) await team.say(room);
  assert.deepEqual(told(client).slice(-2), ["1 team-7.: +team-7.b@0", "1 team-7.: +team-7.c@0"]);
});

test("an unsubscribe of the prefix ends all its rooms, and of a room that room alone", async () => {
  const team = new Team();
  for (const room of ["team-7.a", "team-7.b"]) await team.say(room);
  const client = team.client();
  await client.ask({ request: 1, frame: prefixFrame({}) });
  await client.ask({ request: 2, frame: unsubscribe({ room: "team-7.a" }) });
  for (const room of ["team-7.a", "team-7.b", "team-7.c"]) await team.say(room);
  assert.deepEqual(messages(client), ["team-7.b@2", "team-7.c@1"]);
  await client.ask({ request: 3, frame: unsubscribe({ prefix: "team-7." }) });
  for (const room of ["team-7.a", "team-7.b", "team-7.d"]) await team.say(room);
  assert.deepEqual([messages(client).length, client.session.subscriptions.size], [2, 0]);
  assert.deepEqual(told(client).slice(-3), ["2 -team-7.a", "1 team-7.: +team-7.c@0", "3 team-7.: -"]);
  await client.ask({ request: 4, frame: unsubscribe({ prefix: "team-7." }) });
  await client.ask({ request: 5, frame: unsubscribe({ prefix: "team-7.", room: "a" }) });
  assert.deepEqual(client.errors, ["4 NOT_SUBSCRIBED", "5 INVALID_MESSAGE"]);
  for (const room of ["team-7.a", "team-7.b", "team-7.c", "team-7.d"])
    assert.equal(team.server.hub.engine.watchersOf(room as RoomId), 0);
});

test("TOO_MANY_SUBSCRIPTIONS above maxRoomsPerPrefix: at the beginning, and for a room that comes later", async () => {
  const team = new Team({ maxRoomsPerPrefix: 2, maxRoomsPerConnection: 1 });
  for (const room of ["team-7.a", "team-7.b", "team-8.a", "team-8.b", "team-8.c"]) await team.say(room);
  const client = team.client();
  await client.ask({ request: 1, frame: prefixFrame({ prefix: "team-8." }) });
  assert.deepEqual(client.errors, ["1 TOO_MANY_SUBSCRIPTIONS"]);
  assert.match(client.all("error")[0]?.value.message ?? "", /maxRoomsPerPrefix is 2/);
  await client.ask({ request: 2, frame: prefixFrame({}) });
  // Another room beside them: they do not count for maxRoomsPerConnection.
  await client.ask({ request: 3, frame: subscribe("den") });
  await client.ask({ request: 4, frame: subscribe("den2") });
  assert.deepEqual(client.errors.slice(1), ["4 TOO_MANY_SUBSCRIPTIONS"]);
  await team.say("team-7.c");
  assert.deepEqual(told(client).slice(-1), ["2 team-7.: - TOO_MANY_SUBSCRIPTIONS"]);
  assert.deepEqual([...client.session.subscriptions.keys()], ["den"]);
  await client.ask({ request: 5, frame: unsubscribe({ prefix: "team-7." }) });
  assert.deepEqual(client.errors.slice(-1), ["5 NOT_SUBSCRIBED"]);
});

// Any number of rooms could be read whose names began as a prefix did: they counted for none of the two bounds.
test("rooms that are read by themselves count for maxRoomsPerConnection, also where a prefix has their names", async () => {
  const team = new Team({ maxRoomsPerConnection: 2 });
  for (const room of ["team-7.a", "team-7.b", "team-7.c"]) await team.say(room);
  const client = team.client();
  await client.ask({ request: 1, frame: subscribe("team-7.a") });
  await client.ask({ request: 2, frame: prefixFrame({}) });
  await client.ask({ request: 3, frame: subscribe("team-7.none") });
  await client.ask({ request: 4, frame: subscribe("team-7.more") });
  assert.deepEqual(client.errors, ["4 TOO_MANY_SUBSCRIPTIONS"]);
  // What is unsubscribed from the prefix and read by itself counts as well.
  await client.ask({ request: 5, frame: unsubscribe({ room: "team-7.b" }) });
  await client.ask({ request: 6, frame: subscribe("team-7.b") });
  await client.ask({ request: 7, frame: unsubscribe({ room: "team-7.none" }) });
  await client.ask({ request: 8, frame: subscribe("team-7.b") });
  assert.deepEqual(client.errors.slice(1), ["6 TOO_MANY_SUBSCRIPTIONS"]);
});

test("prefixes that overlap, and more than maxPrefixesPerConnection, are refused", async () => {
  const client = new Team({ maxPrefixesPerConnection: 2 }).client();
  await client.ask({ request: 1, frame: prefixFrame({}) });
  for (const [request, prefix] of [
    [2, "team-7."],
    [3, "team-7.a"],
    [4, "team"],
    [5, "a"],
    [6, "b"],
  ] as const)
    await client.ask({ request, frame: prefixFrame({ prefix }) });
  assert.deepEqual(client.errors, [
    "2 ALREADY_SUBSCRIBED",
    "3 ALREADY_SUBSCRIBED",
    "4 ALREADY_SUBSCRIBED",
    "6 TOO_MANY_SUBSCRIPTIONS",
  ]);
});

test("bad requests are refused, and name the field", async () => {
  const client = new Team().client();
  const bad: readonly (readonly [Asked, string])[] = [
    [{ prefix: "" }, "prefix"],
    [{ prefix: ".a" }, "prefix"],
    [{ history: 1_001 }, "history"],
    [{ after: [{ room: "team-7.a" }] }, "after[0]"],
    [{ after: [place("other", 1)] }, "after[0].room"],
    [{ after: [place("team-7.a", 1), place("team-7.a", 2)] }, "after[1].room"],
  ];
  for (const [value] of bad) await client.ask({ request: 1, frame: prefixFrame(value) });
  assert.deepEqual(client.errors, Array(bad.length).fill("1 INVALID_MESSAGE"));
  for (const [at, [, field]] of bad.entries())
    assert.ok(
      client.all("error")[at]?.value.message.includes(`${field}:`),
      `${field} in ${client.all("error")[at]?.value.message}`,
    );
});

/** A caller that may read some rooms, as a test says. */
class Reader implements Principal {
  readonly user = undefined;
  readonly allowed = new Set<string>();
  readonly refusal = unrestricted.refusal;

  may(_action: string, scope: string): boolean {
    return scope === "some room" || this.allowed.has(scope);
  }
}

test("rooms that may not be read are passed over, and come when they may be read", async () => {
  const team = new Team();
  for (const room of ["team-7.a", "team-7.b"]) await team.say(room, 2);
  const client = team.client();
  const reader = new Reader();
  client.channel.caller.principal = reader;
  reader.allowed.add("team-7.a");
  await client.ask({ request: 1, frame: prefixFrame({}) });
  assert.deepEqual(told(client), ["1 team-7.: +team-7.a@2", "1 team-7.: +"]);
  await team.say("team-7.secret", 2);
  const prefix = client.session.prefixes.get("team-7.");
  reader.allowed.add("team-7.secret");
  prefix?.lookAgain();
  await team.server.settle();
  assert.deepEqual(messages(client), ["team-7.secret@1", "team-7.secret@2"]);
  // What ends since it may not be read any more goes on where it was.
  await team.say("team-7.a");
  const subscription = client.session.subscriptions.get("team-7.a" as RoomId);
  assert.ok(subscription && !("isOpening" in subscription));
  subscription.end(new ConfabError("PERMISSION_DENIED", "not any more"));
  await team.say("team-7.a");
  prefix?.lookAgain();
  await team.server.settle();
  assert.deepEqual(messages(client).slice(2), ["team-7.a@3", "team-7.a@4"]);
  assert.deepEqual(told(client).slice(3), ["1 team-7.: -team-7.a PERMISSION_DENIED", "1 team-7.: +team-7.a@3"]);
});

// A client that showed its token again and again had a look at all rooms for each, one behind the other.
test("looks that are asked for during a look are one look", async () => {
  const team = new Team();
  const { engine } = team.server.hub;
  await team.say("team-7.a");
  const client = team.client();
  await client.ask({ request: 1, frame: prefixFrame({}) });
  const list = engine.list.bind(engine);
  let lists = 0;
  engine.list = (...asked) => {
    lists++;
    return list(...asked);
  };
  const prefix = client.session.prefixes.get("team-7.");
  for (let count = 0; count < 100; count++) prefix?.lookAgain();
  await team.server.settle();
  assert.equal(lists, 2);
  prefix?.lookAgain();
  await team.server.settle();
  assert.equal(lists, 3);
});

// The rooms that were there ended, and each that came later was given to the user who had been disconnected.
test("a prefix ends with a room that an operator ends", async () => {
  for (const code of ["DISCONNECTED", "RECONNECT"] as const) {
    const team = new Team();
    for (const room of ["team-7.a", "team-7.b"]) await team.say(room);
    const client = team.client();
    await client.ask({ request: 1, frame: prefixFrame({ name: "ann" }) });
    const subscription = client.session.subscriptions.get("team-7.a" as RoomId);
    assert.ok(subscription && !("isOpening" in subscription));
    subscription.end(new ConfabError(code, "an operator"));
    for (const room of ["team-7.a", "team-7.b", "team-7.new"]) await team.say(room);
    assert.deepEqual(messages(client), []);
    assert.deepEqual(told(client).slice(3), [`1 team-7.: -team-7.a ${code}`, `1 team-7.: - ${code}`]);
    assert.deepEqual([client.session.subscriptions.size, client.session.prefixes.size], [0, 0]);
  }
});

test("a room that the connection reads already stays as it is", async () => {
  const team = new Team();
  await team.say("team-7.a");
  const client = team.client();
  await client.ask({ request: 1, frame: subscribe("team-7.a") });
  await client.ask({ request: 2, frame: prefixFrame({}) });
  await client.ask({ request: 3, frame: unsubscribe({ prefix: "team-7." }) });
  await team.say("team-7.a");
  assert.deepEqual(messages(client), ["team-7.a@2"]);
});

test("a connection that closes while its prefix begins leaves nothing", async () => {
  const team = new Team();
  const rooms = Array.from({ length: 40 }, (_, at) => `team-7.${at}`);
  for (const room of rooms) await team.say(room);
  team.server.hub.engine.isSlow = true;
  const client = team.client();
  client.say({ request: 1, frame: prefixFrame({}) });
  for (let turn = 0; turn < 60 && !client.session.isClosed; turn++) {
    await team.server.hub.turns.untilIdle();
    team.server.hub.engine.releaseOne();
    if (turn === 20) client.session.closed();
  }
  team.server.hub.engine.isSlow = false;
  team.server.hub.engine.releaseAll();
  await team.server.settle();
  team.server.hub.engine.releaseAll();
  await team.server.settle();
  for (const room of rooms) assert.equal(team.server.hub.engine.watchersOf(room as RoomId), 0, room);
  assert.deepEqual([client.session.subscriptions.size, client.session.prefixes.size], [0, 0]);
});
