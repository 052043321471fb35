import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError, decodeChatMessage, type Limits, limitsWith, PayloadTypes } from "@confab/contract";
import type { NewEntry, RoomId } from "../../core/index.js";
import { testCaller } from "../../testing/test-caller.js";
import { testService } from "../../testing/test-service.js";
import { cost } from "../../work/index.js";
import type { Caller } from "./caller.js";
import { CallerRates } from "./caller-rates.js";
import { operationsOn } from "./operations.js";
import { type Principal, unrestricted } from "./principal.js";
import { defaultPolicy } from "./room-policy.js";

/** Sends with limits of rates, in an engine whose log answers as late as one over a network. */
function ratedService(wanted: Partial<Limits> = {}) {
  const limits = limitsWith(wanted);
  const { hub, engine } = testService();
  const clock = { nowMs: 1_000 };
  const asked = { states: 0 };
  const append = engine.append.bind(engine);
  const state = engine.state.bind(engine);
  Object.assign(engine, {
    append: async (room: RoomId, entry: NewEntry) => {
      await new Promise(setImmediate);
      return append(room, entry);
    },
    state: async (room: RoomId) => {
      asked.states++;
      await new Promise(setImmediate);
      return state(room);
    },
  });
  const rates = new CallerRates(() => clock.nowMs, limits);
  const rooms = { of: () => defaultPolicy(limits) };
  const { send } = operationsOn({
    hub,
    engine,
    types: PayloadTypes.none(),
    limits,
    rooms,
    rates,
    longestTokenUseMs: () => 0,
  });
  const texts = () =>
    engine
      .readForward("den" as RoomId, 0, { maxEntries: 100, maxBytes: 100_000 })
      .run.entries.map(({ body }) => decodeChatMessage(body).text);
  return {
    engine,
    clock,
    asked,
    texts,
    send: async (caller: Caller, room = "den", text = "hi") =>
      send({ user: caller.principal.user ?? "guest", text, room, id: "" }, caller),
  };
}

const ann: Principal = { ...unrestricted, user: "ann" };
const mayNotCreate: Principal = { ...ann, may: (action) => action !== "create" };
const callerOf = (principal: Principal = ann, remoteAddress = "127.0.0.1"): Caller => ({
  ...testCaller(),
  principal,
  remoteAddress,
});
const limited = { code: "RATE_LIMITED" };

async function countDone(sends: readonly Promise<unknown>[]): Promise<number> {
  const outcomes = await Promise.allSettled(sends);
  for (const outcome of outcomes)
    if (outcome.status === "rejected") assert.equal((outcome.reason as ConfabError).code, "RATE_LIMITED");
  return outcomes.filter(({ status }) => status === "fulfilled").length;
}

for (const [by, limit, callers] of [
  ["user", "maxRoomsCreatedPerHourByUser", () => callerOf()],
  ["address", "maxRoomsCreatedPerHourByAddress", () => callerOf(unrestricted, "192.0.2.7")],
] as const) {
  test(`of many new rooms that are written to at once, as many are created as the limit of their ${by} says`, async () => {
    const { send, engine } = ratedService({ [limit]: 5 });
    assert.equal(await countDone(Array.from({ length: 100 }, (_, index) => send(callers(), `room-${index}`))), 5);
    assert.equal(engine.list("", "", 100).length, 5);
  });
}

test("sends to rooms that exist create none, also at once and while the room is just being created", async () => {
  const { send } = ratedService({ maxRoomsCreatedPerHourByUser: 2 });
  assert.equal(await countDone(Array.from({ length: 50 }, () => send(callerOf()))), 50);
  assert.equal(await countDone(["den", "lair", "den", "lair", "cave"].map((room) => send(callerOf(), room))), 4);
});

test("a room that could not be created is not counted", async () => {
  const { send, engine } = ratedService({ maxRoomsCreatedPerHourByUser: 1 });
  engine.appendError = new ConfabError("ENGINE_UNAVAILABLE", "no engine");
  for (let index = 0; index < 3; index++) await assert.rejects(send(callerOf()), { code: "ENGINE_UNAVAILABLE" });
  engine.appendError = undefined;
  await send(callerOf());
  await assert.rejects(send(callerOf(), "lair"), {
    ...limited,
    message: "user ann has used up its rooms to create; maxRoomsCreatedPerHourByUser is 1",
  });
});

test("sends to one room keep their order when some of them may create it and some may not", async () => {
  const { send, texts } = ratedService({ maxRoomsCreatedPerHourByUser: 1 });
  const [may, mayNot] = [callerOf(), callerOf(mayNotCreate)];
  const sends = Array.from({ length: 20 }, (_, index) => send(index % 3 === 1 ? mayNot : may, "den", `${index}`));
  // The first creates the room; the limit is used up by it.
  await Promise.all(sends);
  assert.deepEqual(
    texts(),
    Array.from({ length: 20 }, (_, index) => `${index}`),
  );
});

test("a caller that may not create rooms sends to existing ones without asking the log first", async () => {
  const { send, asked } = ratedService();
  await assert.rejects(send(callerOf(mayNotCreate)), {
    code: "PERMISSION_DENIED",
    message: "create is not allowed in room den",
  });
  await send(callerOf());
  await send(callerOf(mayNotCreate));
  assert.equal(asked.states, 0);
});

test("each refusal of a send is accounted for when it is decided", async () => {
  const refusals = {
    "too many sends": [{ maxSendsPerSecondByUser: 1 }, ann, "den"],
    "too many rooms": [{ maxRoomsCreatedPerHourByUser: 1 }, ann, "lobby"],
    "no room may be created": [{}, mayNotCreate, "lobby"],
  } as const;
  for (const [name, [limits, principal, room]] of Object.entries(refusals)) {
    const { send } = ratedService(limits);
    await send(callerOf(), "den");
    const caller = callerOf(principal);
    const spent: number[] = [];
    caller.share.spend = (units) => void spent.push(units);
    await assert.rejects(send(caller, room), name);
    assert.deepEqual(spent, [cost.error], name);
  }
});

test("bytes are those of the text in UTF-8, and of the payload", async () => {
  const { send, clock } = ratedService({ maxSentBytesPerSecondByUser: 10 });
  await send(callerOf(), "den", "€€€");
  await assert.rejects(send(callerOf(), "den", "ab"), {
    ...limited,
    message: /^user ann has used up its bytes to send/,
  });
  await send(callerOf(), "den", "a");
  clock.nowMs += 1_000;
  await send(callerOf(), "den", "a".repeat(10));
});

test("a message that is refused for its bytes does not count as a send, and one of many sends not as bytes", async () => {
  const { send, clock } = ratedService({
    maxSendsPerSecondByUser: 2,
    maxSentBytesPerSecondByUser: 100,
    maxSendsPerSecondByAddress: 3,
  });
  const caller = () => callerOf(ann, "192.0.2.7");
  await send(caller(), "den", "a".repeat(90));
  for (let index = 0; index < 5; index++)
    await assert.rejects(send(caller(), "den", "a".repeat(50)), { ...limited, message: /bytes/ });
  await send(caller(), "den", "a");
  for (let index = 0; index < 5; index++)
    await assert.rejects(send(caller(), "den", "a"), { ...limited, message: /^user ann has used up its sends/ });
  // Its address was not charged for what its user was refused.
  await send(callerOf({ ...ann, user: "bob" }, "192.0.2.7"));
  await assert.rejects(send(callerOf({ ...ann, user: "eve" }, "192.0.2.7")), { message: /^address 192\.0\.2\.7 has/ });
  clock.nowMs += 1_000;
  await send(caller(), "den", "a".repeat(100));
});

test("limits that change while the server runs hold at once", async () => {
  const limits = limitsWith({ maxSendsPerSecondByUser: 1 });
  let nowMs = 1_000;
  const rates = new CallerRates(() => nowMs, limits);
  rates.takeSend(callerOf(), { messages: 1, bytes: 1 });
  nowMs++;
  assert.throws(() => rates.takeSend(callerOf(), { messages: 1, bytes: 1 }), limited);
  Object.assign(limits, { maxSendsPerSecondByUser: 1_000 });
  rates.takeSend(callerOf(), { messages: 1, bytes: 1 });
});

test("all addresses of one IPv6 network are counted together, and callers of this machine not at all", () => {
  const rates = new CallerRates(() => 1_000, limitsWith({ maxSendsPerSecondByAddress: 2 }));
  const sendFrom = (address: string) => rates.takeSend(callerOf(unrestricted, address), { messages: 1, bytes: 1 });
  sendFrom("2001:db8::1");
  sendFrom("2001:db8::2");
  assert.throws(() => sendFrom("2001:db8::3"), { ...limited, message: /^address 2001:db8:0:0::\/64 has used up/ });
  sendFrom("2001:db8:0:1::1");
  for (let index = 0; index < 10; index++) sendFrom("::1");
});
