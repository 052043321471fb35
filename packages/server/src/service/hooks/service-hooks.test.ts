import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { ConfabError, decodeChatMessage, type Limits, limitsWith, PayloadTypes } from "@confab/contract";
import { SendMessagesRequestSchema, UserSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { SignalSchema } from "@confab/contract/gen/confab/v1/room_pb";
import type { RoomId } from "../../core/index.js";
import { RecordingSink } from "../../testing/recording-sink.js";
import { testCaller } from "../../testing/test-caller.js";
import { testService } from "../../testing/test-service.js";
import { type Attempt, defaultPolicy, operationsOn, type Principal, unrestricted } from "../operations/index.js";
import type { Hooks, SendEvent } from "./hooks.js";
import { ServiceHooks } from "./service-hooks.js";

/** Operations with these hooks, and what became of what was asked. */
function hooked(hooks: Hooks, wanted: Partial<Limits> = {}) {
  const limits = limitsWith(wanted);
  const { hub, engine } = testService(wanted);
  const rooms = { of: () => defaultPolicy(limits) };
  const types = PayloadTypes.none();
  const lines: string[] = [];
  const refused: string[] = [];
  const line = (facts: object, message: string) =>
    void lines.push(`${message}: ${String((facts as { err?: unknown }).err)}`);
  const audit = {
    refused: ({ action, scope }: Attempt, { code }: ConfabError) => void refused.push(`${action} ${scope} ${code}`),
    administered: () => undefined,
  };
  const log = { info: line, warn: line, error: line };
  const service = new ServiceHooks(hooks, { log, clock: hub.clock, types, rooms, audit });
  const operations = operationsOn({
    hub,
    engine,
    types,
    limits,
    rooms,
    longestTokenUseMs: () => 0,
    audit,
    hooks: service,
  });
  const texts = (room = "den") =>
    engine
      .readForward(room as RoomId, 0, { maxEntries: 1_000, maxBytes: 1_000_000 })
      .run.entries.map(({ body }) => decodeChatMessage(body).text);
  return { operations, texts, lines, refused, engine, service };
}

function message(text: string, room = "den") {
  return { user: "ann", text, room, id: "" };
}

function batch(...texts: readonly string[]) {
  return create(SendMessagesRequestSchema, { room: "den", messages: texts.map((text) => ({ user: "ann", text })) });
}

/** A hook whose answers the test gives, by the text that is asked about. */
function slowSend() {
  const asked: string[] = [];
  const answers = new Map<string, (answer?: object) => void>();
  const send = ({ text }: SendEvent) =>
    new Promise<undefined>((resolve) => {
      asked.push(text);
      answers.set(text, resolve as (answer?: object) => void);
    });
  return { asked, send, answer: (text: string, answer?: object) => answers.get(text)?.(answer) };
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
}

test("a send hook sees the message and its caller, and cannot change what it is given", async () => {
  const events: SendEvent[] = [];
  const { operations, texts } = hooked({
    send: (event) => {
      assert.throws(() => Object.assign(event, { text: "other" }));
      assert.throws(() => Object.assign(event.caller, { user: "other" }));
      events.push(event);
    },
  });
  await operations.send({ ...message("hi", ""), id: "7" }, testCaller());
  const caller = { user: undefined, kind: "anonymous", transport: "grpc", remoteAddress: "127.0.0.1" };
  assert.deepEqual(events, [
    { room: "lobby", user: "ann", text: "hi", id: "7", payload: undefined, change: undefined, caller },
  ]);
  assert.deepEqual(texts("lobby"), ["hi"]);
});

test("what a send hook makes of a message is stored, and what it refuses is not", async () => {
  const { operations, texts, refused } = hooked({
    send: ({ text }) => (text === "bad" ? { refuse: "mind your language" } : { text: text.toUpperCase() }),
  });
  await operations.send(message("hi"), testCaller());
  await assert.rejects(async () => operations.send(message("bad"), testCaller()), {
    code: "HOOK_REFUSED",
    message: "mind your language",
  });
  assert.deepEqual(texts(), ["HI"]);
  assert.deepEqual(refused, ["send den HOOK_REFUSED"]);
});

test("a batch passes the hook message by message, and is refused as a whole", async () => {
  for (const isLate of [false, true]) {
    const judge = ({ text }: SendEvent) => (text === "bad" ? { refuse: "no" } : { text: `${text}!` });
    const { operations, texts } = hooked({ send: isLate ? async (event) => judge(event) : judge });
    await operations.sendAll(batch("a", "b"), testCaller());
    await assert.rejects(async () => operations.sendAll(batch("c", "bad", "d"), testCaller()), {
      code: "HOOK_REFUSED",
    });
    assert.deepEqual(texts(), ["a!", "b!"]);
  }
});

for (const [what, answer, reason] of [
  ["has no text any more", { text: "" }, /text or payload/],
  ["is too large", { text: "x".repeat(2_000) }, /maxMessageBytes is 1024/],
  ["has a payload of no type", { payload: { typeUrl: "", value: new Uint8Array(0) } }, /payload/],
  ["has a payload that is garbled", { payload: { typeUrl: "a/b.C", value: new Uint8Array([7]) } }, /payload/],
  ["is in another room", { room: "lair" }, /changes room/],
] as const) {
  test(`a message that ${what} after the hook is a failure of the hook`, async () => {
    const run = () => answer as object;
    const closed = hooked({ send: run }, { maxMessageBytes: 1_024 });
    await assert.rejects(async () => closed.operations.send(message("hi"), testCaller()), { code: "HOOK_FAILED" });
    assert.deepEqual(closed.texts(), []);
    assert.match(closed.lines.join(), reason);
    const open = hooked({ send: { run, onFailure: "open" } }, { maxMessageBytes: 1_024 });
    await open.operations.send(message("hi"), testCaller());
    assert.deepEqual(open.texts(), ["hi"]);
  });
}

test("a message may be as large after the hook as it may be without", async () => {
  const outcomeOf = async (text: string, hooks: Hooks) => {
    const { operations } = hooked(hooks, { maxMessageBytes: 1_024 });
    try {
      await operations.send({ ...message(text), id: "1" }, testCaller());
      return "stored";
    } catch (thrown) {
      return (thrown as ConfabError).code;
    }
  };
  const sizes = Array.from({ length: 80 }, (_, index) => 945 + index);
  const direct = await Promise.all(sizes.map((size) => outcomeOf("x".repeat(size), {})));
  const changed = await Promise.all(sizes.map((size) => outcomeOf("hi", { send: () => ({ text: "x".repeat(size) }) })));
  assert.deepEqual(
    changed.map((outcome) => (outcome === "HOOK_FAILED" ? "PAYLOAD_TOO_LARGE" : outcome)),
    direct,
  );
  assert.deepEqual(new Set(changed), new Set(["stored", "HOOK_FAILED"]));
});

test("a message passes the hook while the one before it is being stored", async () => {
  const slow = slowSend();
  const { operations, engine } = hooked({ send: slow.send });
  let store: () => void = () => undefined;
  const append = engine.append.bind(engine);
  engine.append = async (...entry) => {
    await new Promise<void>((resolve) => {
      store = resolve;
    });
    return append(...entry);
  };
  const caller = testCaller();
  const sends = ["1", "2"].map((text) => operations.send(message(text), caller));
  slow.answer("1");
  await turns();
  assert.deepEqual(slow.asked, ["1", "2"]);
  store();
  slow.answer("2");
  await turns();
  store();
  await Promise.all(sends);
});

test("messages of one caller keep their order while a hook thinks, also those that come after it has thought", async () => {
  const slow = slowSend();
  const { operations, texts } = hooked({ send: slow.send });
  const caller = testCaller();
  const sends = [
    operations.send(message("1"), caller),
    operations.send(message("2"), caller),
    operations.sendAll(batch("3", "4"), caller),
    operations.send(message("5"), caller),
  ];
  for (const text of ["1", "2", "3", "4", "5"]) {
    await turns();
    assert.equal(slow.asked.at(-1), text);
    slow.answer(text);
  }
  await Promise.all(sends);
  assert.deepEqual(texts(), ["1", "2", "3", "4", "5"]);
});

test("a message that is refused or fails does not hold up those behind it", async () => {
  const slow = slowSend();
  const { operations, texts } = hooked({ send: slow.send });
  const caller = testCaller();
  const [first, second, third] = ["1", "2", "3"].map((text) => operations.send(message(text), caller));
  slow.answer("1", { refuse: "no" });
  await assert.rejects(async () => first, { code: "HOOK_REFUSED" });
  await turns();
  slow.answer("2", { text: 7 });
  await assert.rejects(async () => second, { code: "HOOK_FAILED" });
  await turns();
  slow.answer("3");
  await third;
  assert.deepEqual(texts(), ["3"]);
});

test("callers do not wait for each other", async () => {
  const slow = slowSend();
  const { operations, texts } = hooked({ send: slow.send });
  const [first, second] = ["1", "2"].map((text) => operations.send(message(text), testCaller()));
  await turns();
  assert.deepEqual(slow.asked, ["1", "2"]);
  slow.answer("2");
  await second;
  assert.deepEqual(texts(), ["2"]);
  slow.answer("1");
  await first;
});

test("what the program itself sends does not wait for what it sent before", async () => {
  const slow = slowSend();
  const { operations, texts } = hooked({ send: slow.send });
  const program = { ...testCaller(), transport: "library" } as const;
  const [first, second] = ["1", "2"].map((text) => operations.send(message(text), program));
  await turns();
  assert.deepEqual(slow.asked, ["1", "2"]);
  slow.answer("2");
  await second;
  assert.deepEqual(texts(), ["2"]);
  slow.answer("1");
  await first;
});

test("a hook of the program may send by itself, and wait for it", async () => {
  const program = { ...testCaller(), transport: "library" } as const;
  const { operations, texts } = hooked({
    send: {
      timeoutMs: 200,
      run: async ({ room, text }) => {
        await turns();
        if (room === "den") await operations.send(message(`copy of ${text}`, "lair"), program);
      },
    },
  });
  await operations.send(message("hi"), program);
  assert.deepEqual([texts(), texts("lair")], [["hi"], ["copy of hi"]]);
});

test("many requests of one connection keep another connection waiting for one of them, and pay for their calls", async () => {
  const slow = slowSend();
  const { operations } = hooked({ send: { run: slow.send, maxConcurrent: 1 } });
  const { share } = testCaller();
  const spent: number[] = [];
  share.spend = (units) => void spent.push(units);
  const sends = ["1", "2", "3", "4"].map((text) => operations.send(message(text), { ...testCaller(), share }));
  assert.deepEqual(spent, [20, 20, 20, 20]);
  sends.push(operations.send(message("other"), testCaller()));
  for (const text of ["1", "2", "other", "3", "4"]) {
    await turns();
    assert.equal(slow.asked.at(-1), text);
    slow.answer(text);
  }
  await Promise.all(sends);
});

test("a caller whose token is revoked while the hook thinks sends nothing", async () => {
  const slow = slowSend();
  const { operations, texts } = hooked({ send: slow.send });
  let refusal: ConfabError | undefined;
  const caller = { ...testCaller(), principal: { ...unrestricted, user: "ann", refusal: () => refusal } };
  const send = operations.send(message("1"), caller);
  refusal = new ConfabError("UNAUTHENTICATED", "the token was revoked");
  slow.answer("1");
  await assert.rejects(async () => send, { code: "UNAUTHENTICATED" });
  assert.deepEqual(texts(), []);
});

const mayAll: Principal = { ...unrestricted, user: "root" };
const mayNot = (...denied: readonly string[]): Principal => ({
  ...unrestricted,
  user: "ann",
  may: (action) => !denied.includes(action),
});
for (const [kind, principal, transport] of [
  ["anonymous", unrestricted, "rest"],
  ["user", mayNot("admin", "send-as"), "rest"],
  ["service", mayNot("admin"), "rest"],
  ["admin", mayAll, "rest"],
  ["library", mayAll, "library"],
] as const) {
  test(`a hook is not asked about a caller of the kind ${kind} if it skips that kind`, async () => {
    const seen: string[] = [];
    const run = (event: SendEvent) => void seen.push(event.caller.kind);
    const caller = { ...testCaller(), principal, transport };
    await hooked({ send: run }).operations.send(message("hi"), caller);
    await hooked({ send: { run, skip: [kind] } }).operations.send(message("hi"), caller);
    assert.deepEqual(seen, [kind]);
  });
}

test("a caller that may act for others in one room is a service in that room alone", async () => {
  const principal: Principal = {
    ...unrestricted,
    user: "ann",
    may: (action, scope) => (action === "send-as" ? scope === "bots" || scope === "some room" : action !== "admin"),
  };
  const caller = { ...testCaller(), principal };
  const seen: string[] = [];
  const see = (what: string) => ({
    run: ({ room, caller }: { readonly room: string; readonly caller: { readonly kind: string } }) =>
      void seen.push(`${what} ${room} ${caller.kind}`),
    skip: ["service"] as const,
  });
  const { operations } = hooked({ send: see("send"), subscribe: see("subscribe"), signal: see("signal") });
  for (const room of ["bots", "den"]) {
    await operations.send(message("hi", room), caller);
    await operations.signal(create(SignalSchema, { room, user: "ann", kind: "typing" }), caller);
    await operations.subscribe({ reader: create(UserSchema, { room, name: "ann" }) }, caller, new RecordingSink());
  }
  assert.deepEqual(seen, ["send den user", "signal den user", "subscribe den user"]);
});

for (const isLate of [false, true]) {
  test(`a subscribe hook ${isLate ? "that takes its time " : ""}refuses readers`, async () => {
    const judge = ({ user }: { readonly user: string }) => (user === "eve" ? { refuse: "not you" } : undefined);
    const { operations, refused } = hooked({ subscribe: isLate ? async (event) => judge(event) : judge });
    const read = (name: string) =>
      operations.subscribe({ reader: create(UserSchema, { room: "den", name }) }, testCaller(), new RecordingSink());
    await assert.rejects(async () => read("eve"), { code: "HOOK_REFUSED", message: "not you" });
    assert.equal((await read("ann")).room, "den");
    assert.deepEqual(refused, ["read den HOOK_REFUSED"]);
  });

  test(`a signal hook ${isLate ? "that takes its time " : ""}refuses signals`, async () => {
    const judge = ({ kind }: { readonly kind: string }) => (kind === "rude" ? { refuse: "no" } : undefined);
    const { operations, engine } = hooked({ signal: isLate ? async (event) => judge(event) : judge });
    const kinds: string[] = [];
    const listener = { interrupted: () => undefined, erased: () => undefined, presence: () => undefined };
    engine.watch("den" as RoomId, {
      ...listener,
      entries: () => undefined,
      signal: ({ kind }) => void kinds.push(kind),
    });
    const caller = testCaller();
    const say = async (kind: string) =>
      operations.signal(create(SignalSchema, { room: "den", user: "ann", kind }), caller);
    const outcomes = await Promise.allSettled(["typing", "rude", "idle"].map(say));
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ["fulfilled", "rejected", "fulfilled"],
    );
    assert.deepEqual(kinds, ["typing", "idle"]);
  });
}

test("occupied and vacated are called for each room in order, and the last call says how it is", async () => {
  const told: string[] = [];
  const answers: (() => void)[] = [];
  const tell = (what: string) => (event: { readonly room: string }) =>
    new Promise<undefined>((resolve) => {
      told.push(`${what} ${event.room}`);
      answers.push(() => resolve(undefined));
    });
  const { service } = hooked({ occupied: tell("+"), vacated: tell("-") });
  const changed = (room: string, isOccupied: boolean) => service.occupancy?.(room as RoomId, isOccupied);
  changed("den", true);
  changed("lair", true);
  for (const isOccupied of [false, true, false]) changed("den", isOccupied);
  assert.deepEqual(told, ["+ den", "+ lair"]);
  for (const answer of answers.splice(0, 2)) answer();
  await turns();
  assert.deepEqual(told, ["+ den", "+ lair", "- den"]);
  changed("den", true);
  changed("den", false);
  for (const answer of answers.splice(0, 1)) answer();
  await turns();
  assert.equal(told.length, 3);
  changed("den", true);
  assert.equal(told.at(-1), "+ den");
  for (const answer of answers.splice(0, 1)) answer();
  await service.idle();
});

for (const [what, hooks, reason] of [
  ["of another name", { sned: () => undefined }, /there is no hook "sned"; there are connect, /],
  ["that is a text", { send: "http://hooks" }, /"send": it must be a function/],
  ["without a function", { send: { timeoutMs: 1 } }, /"send": run must be a function/],
  ["with an unknown option", { send: { run: () => undefined, timeout: 1 } }, /there is no option "timeout"/],
  ["with no time", { send: { run: () => undefined, timeoutMs: 0 } }, /timeoutMs is 0; .* from 1 to 60000/],
  ["with half a call", { send: { run: () => undefined, maxConcurrent: 0.5 } }, /maxConcurrent is 0.5/],
  ["that fails somehow", { send: { run: () => undefined, onFailure: "never" } }, /onFailure is "never"/],
  ["that skips strangers", { send: { run: () => undefined, skip: ["stranger"] } }, /skip has "stranger"/],
  ["that cannot know its caller", { connect: { run: () => undefined, skip: ["admin"] } }, /it has no caller yet/],
] as const) {
  test(`a hook ${what} ends the start`, () => {
    assert.throws(() => hooked(hooks as unknown as Hooks), { name: "HookError", message: reason });
  });
}
