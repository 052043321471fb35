import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type DescMessage, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import { ConfabError } from "./errors.js";
import { AuthenticateSchema, MessageBatchSchema, SubscribeSchema } from "./gen/confab/v1/frame_pb.js";
import { ChatMessageSchema, SendMessagesRequestSchema, UserSchema } from "./gen/confab/v1/message_pb.js";
import { SignalSchema } from "./gen/confab/v1/room_pb.js";
import { interpretedViolations } from "./interpreted-rules.js";
import type { SentMessage } from "./message.js";
import { forEachSeed, type Random } from "./testing/random.js";
import {
  isValidBatch,
  isValidNewMessage,
  isValidReader,
  isValidSignal,
  refuseViolations,
  violationsOf,
} from "./validation.js";

const good: SentMessage = { user: "ann", text: "hi", room: "", id: "" };

/** The violations of a message, on which our own check and the interpreter of rules agree. */
function judged<Desc extends DescMessage>(desc: Desc, message: MessageShape<Desc>) {
  const violations = violationsOf(desc, message);
  assert.deepEqual(violations, interpretedViolations(desc, message));
  return violations;
}

/** The same question to the quick check and to the contract's own rules; they must answer alike. */
function verdict(message: SentMessage): boolean {
  const quick = isValidNewMessage(message);
  const { payload, encodedPayload, change, ...strings } = message;
  const init = {
    ...strings,
    ...(payload && { payload: { typeUrl: payload.typeUrl, value: new Uint8Array(payload.value) } }),
    ...(encodedPayload && { encodedPayload }),
    ...(change && { change: { target: BigInt(change.target) } }),
  };
  const violations = judged(ChatMessageSchema, create(ChatMessageSchema, init));
  assert.equal(quick, violations.length === 0, `${JSON.stringify(message)}: ${JSON.stringify(violations)}`);
  return quick;
}

const astral = "\u{1f600}";
const payload = { typeUrl: "a/b", value: Uint8Array.of(1) };

const edges: readonly (readonly [what: string, change: Partial<SentMessage>, isValid: boolean])[] = [
  ["a user of one character", { user: "a" }, true],
  ["no user", { user: "" }, false],
  ["a user of 64 characters", { user: "a".repeat(64) }, true],
  ["a user of 65 characters", { user: "a".repeat(65) }, false],
  ["a user of 64 characters of two units each", { user: astral.repeat(64) }, true],
  ["a user of 65 characters of two units each", { user: astral.repeat(65) }, false],
  ["a user of 63 astral characters and two others", { user: `${astral.repeat(63)}ab` }, false],
  ["a user of 64 characters with one astral among them", { user: `${"a".repeat(63)}${astral}` }, true],
  ["a user of 64 combining characters", { user: "\u0301".repeat(64) }, true],
  ["a user of a blank", { user: " " }, false],
  ["a user with blanks", { user: " a  b " }, true],
  ["a user of a joiner", { user: "\u200d" }, false],
  ["a user with a joiner after a letter beyond ASCII", { user: "\u0646\u200c" }, true],
  ["a text of blanks", { text: " " }, true],
  ["a text of a NUL", { text: "\0" }, true],
  ["no text", { text: "" }, false],
  ["no text but a payload", { text: "", payload }, true],
  ["no text but a payload without bytes", { text: "", payload: { typeUrl: "a/b", value: new Uint8Array(0) } }, true],
  ["a payload without a type", { text: "", payload: { typeUrl: "", value: new Uint8Array(0) } }, false],
  ["a payload without a type beside a text", { text: "hi", payload: { typeUrl: "", value: new Uint8Array(0) } }, false],
  ["no text but an encoded payload", { text: "", encodedPayload: payload }, true],
  ["both payloads", { payload, encodedPayload: payload }, false],
  ["a message that says that it was erased", { deleted: true }, false],
  ["the same without a text", { text: "", deleted: true }, false],
  ["a message that says that it was not erased", { deleted: false }, true],
  ["an encoded payload without a type", { encodedPayload: { ...payload, typeUrl: "" } }, false],
  ["an encoded payload whose type has no slash", { encodedPayload: { ...payload, typeUrl: "b" } }, false],
  ["an encoded payload whose type ends with a line feed", { encodedPayload: { ...payload, typeUrl: "a/b\n" } }, false],
  ["an encoded payload with a blank in its prefix", { encodedPayload: { ...payload, typeUrl: "a c/b" } }, false],
  ["an encoded payload with an empty prefix", { encodedPayload: { ...payload, typeUrl: "/a.b_9.C" } }, true],
  ["a room of one letter", { room: "a" }, true],
  ["a room of one digit", { room: "0" }, true],
  ["a room of 100 characters", { room: "a".repeat(100) }, true],
  ["a room of 101 characters", { room: "a".repeat(101) }, false],
  ["a room with each sign", { room: "a._-" }, true],
  ["a room that begins with a dot", { room: ".a" }, false],
  ["a room that begins with a dash", { room: "-a" }, false],
  ["a room that begins with an underscore", { room: "_a" }, false],
  ["a room with a slash", { room: "a/b" }, false],
  ["a room with a blank", { room: "a b" }, false],
  ["a room with a letter beyond ASCII", { room: "ä" }, false],
  ["a room with a Kelvin sign", { room: "\u212a" }, false],
  ["a room that ends with a line feed", { room: "a\n" }, false],
  ["a room of a line feed", { room: "\n" }, false],
  ["a second line after a good room", { room: "a\nb" }, false],
  ["an id of 64 characters", { id: "~".repeat(64) }, true],
  ["an id of 65 characters", { id: "!".repeat(65) }, false],
  ["an id with a blank", { id: "a b" }, false],
  ["an id of a DEL", { id: "\x7f" }, false],
  ["an id that ends with a line feed", { id: "a\n" }, false],
  ["an id beyond ASCII", { id: "é" }, false],
];

for (const [what, change, isValid] of edges) {
  test(`${what} is ${isValid ? "taken" : "refused"} by both checks`, () => {
    assert.equal(verdict({ ...good, ...change }), isValid);
  });
}

test("every character of ASCII at every place of every field has the same verdict from both checks", () => {
  for (let code = 0; code <= 0x80; code++) {
    const character = String.fromCharCode(code);
    for (const text of [character, `${character}a`, `a${character}`, `a${character}b`]) {
      for (const field of ["user", "room", "id", "text"] as const) verdict({ ...good, [field]: text });
    }
  }
});

function nearlyValid(random: Random, length: number): string {
  const plain = Array.from({ length }, () => random.pick(["a", "Z", "0", ".", "_", "-"])).join("");
  if (!random.oneIn(3)) return plain;
  const at = random.int(0, length);
  return plain.slice(0, at) + random.text(1) + plain.slice(at);
}

test("random messages near the edges have the same verdict from both checks", () => {
  const counts = { valid: 0, refused: 0 };
  forEachSeed(3_000, (random) => {
    const message = {
      user: nearlyValid(random, random.pick([0, 1, 5, 62, 63, 64, 65])),
      text: random.oneIn(3) ? "" : random.text(3),
      room: nearlyValid(random, random.pick([0, 1, 5, 98, 99, 100, 101])),
      id: nearlyValid(random, random.pick([0, 1, 5, 63, 64, 65])),
      payload: random.oneIn(2) ? payload : undefined,
      deleted: random.oneIn(8),
      encodedPayload: random.oneIn(8) ? { ...payload, typeUrl: nearlyValid(random, 5) } : undefined,
    };
    if (verdict(message)) counts.valid++;
    else counts.refused++;
  });
  assert.ok(counts.valid > 100 && counts.refused > 100, JSON.stringify(counts));
});

/** As `verdict`, for a reader. */
function readerVerdict(init: MessageInitShape<typeof UserSchema>): boolean {
  const reader = create(UserSchema, init);
  const violations = judged(UserSchema, reader);
  assert.equal(isValidReader(reader), violations.length === 0, `${JSON.stringify(violations)}`);
  return violations.length === 0;
}

test("batches near the edges have the same verdict from both checks", () => {
  const counts = { valid: 0, refused: 0 };
  const rooms = ["", "lobby", "den", "a.b", "a b"] as const;
  forEachSeed(2_000, (random) => {
    const room = random.pick(rooms);
    const batch = create(SendMessagesRequestSchema, {
      room,
      messages: [0, 1, 2].slice(0, random.int(0, 3)).map(() => ({
        user: "ann",
        text: "hi",
        // A malformed name breaks a rule of the message itself.
        room: random.oneIn(2) && room !== "a b" ? room : random.pick(["", "lobby", "den"]),
      })),
      ...(random.oneIn(2) && { expected: { epoch: 1, offset: random.pick([0n, 2n ** 53n - 1n, 2n ** 53n]) } }),
    });
    const violations = judged(SendMessagesRequestSchema, batch);
    assert.equal(isValidBatch(batch), violations.length === 0, JSON.stringify(violations));
    if (violations.length === 0) counts.valid++;
    else counts.refused++;
  });
  assert.ok(counts.valid > 100 && counts.refused > 100, JSON.stringify(counts));
});

test("signals near the edges have the same verdict from both checks", () => {
  const counts = { valid: 0, refused: 0 };
  forEachSeed(3_000, (random) => {
    const signal = create(SignalSchema, {
      user: nearlyValid(random, random.pick([0, 1, 5, 64, 65])),
      room: nearlyValid(random, random.pick([0, 1, 5, 100, 101])),
      kind: random.pick(["typing", "", "Read", "a.b-c_1", `k${"x".repeat(31)}`, `k${"x".repeat(32)}`, "a\n", "a b"]),
      ...(random.oneIn(2) && { position: { epoch: 1, offset: random.pick([0n, 2n ** 53n - 1n, 2n ** 53n]) } }),
      ...(random.oneIn(3) && { payload: { ...payload, typeUrl: random.pick(["a/b", "", "b"]) } }),
      ...(random.oneIn(3) && { encodedPayload: { ...payload, typeUrl: random.pick(["a/b", "", "b"]) } }),
    });
    const violations = judged(SignalSchema, signal);
    assert.equal(isValidSignal(signal), violations.length === 0, JSON.stringify(violations));
    if (violations.length === 0) counts.valid++;
    else counts.refused++;
  });
  assert.ok(counts.valid > 50 && counts.refused > 100, JSON.stringify(counts));
});

test("readers at each edge have the same verdict from both checks", () => {
  const many = (count: number, text: string) => Array<string>(count).fill(text);
  const maxOffset = 2n ** 53n - 1n;
  const edge: readonly (readonly [MessageInitShape<typeof UserSchema>, boolean])[] = [
    [{}, true],
    [{ name: "ann", room: "a" }, true],
    [{ history: 1_000 }, true],
    [{ history: 1_001 }, false],
    [{ after: {} }, true],
    [{ after: { epoch: 1, offset: maxOffset } }, true],
    [{ after: { epoch: 1, offset: maxOffset + 1n } }, false],
    [{ after: { epoch: 1, offset: 5n }, history: 1 }, false],
    [{ after: {}, history: 1 }, false],
    [{ room: "/" }, false],
    [{ name: astral.repeat(64) }, true],
    [{ name: astral.repeat(65) }, false],
    [{ filter: {} }, true],
    [{ filter: {}, changes: true }, false],
    [{ filter: { users: many(16, "ann") } }, true],
    [{ filter: { users: many(17, "ann") } }, false],
    [{ filter: { users: ["ann", ""] } }, false],
    [{ filter: { users: ["a".repeat(64)] } }, true],
    [{ filter: { users: ["a".repeat(65)] } }, false],
    [{ filter: { users: ["\u200b"] } }, false],
    [{ filter: { payloadTypes: many(16, "acme.Order") } }, true],
    [{ filter: { payloadTypes: many(17, "acme.Order") } }, false],
    [{ filter: { payloadTypes: ["-", "Order", "_a.b_9.C"] } }, true],
    [{ filter: { payloadTypes: [""] } }, false],
    [{ filter: { payloadTypes: ["a/b.C"] } }, false],
    [{ filter: { payloadTypes: ["a..b"] } }, false],
    [{ filter: { payloadTypes: ["acme.Order\n"] } }, false],
    [{ filter: { payloadTypes: ["a".repeat(200)] } }, true],
    [{ filter: { payloadTypes: ["a".repeat(201)] } }, false],
  ];
  for (const [init, isValid] of edge) assert.equal(readerVerdict(init), isValid, JSON.stringify(init.room));
});

test("random readers near the edges have the same verdict from both checks", () => {
  const counts = { valid: 0, refused: 0 };
  forEachSeed(3_000, (random) => {
    const isValid = readerVerdict({
      name: nearlyValid(random, random.pick([0, 1, 5, 62, 63, 64, 65])),
      room: nearlyValid(random, random.pick([0, 1, 5, 98, 99, 100, 101])),
      history: random.pick([0, 0, 1, 1_000, 1_001, 2 ** 32 - 1]),
      ...(random.oneIn(2) ? { after: { epoch: 1, offset: random.pick([0n, 7n, 2n ** 53n - 1n, 2n ** 53n]) } } : {}),
    });
    if (isValid) counts.valid++;
    else counts.refused++;
  });
  assert.ok(counts.valid > 100 && counts.refused > 100, JSON.stringify(counts));
});

test("each violation names its field, the rule and what the rule asks", () => {
  const violations = judged(ChatMessageSchema, create(ChatMessageSchema, { user: "a".repeat(65), room: "/" }));
  assert.deepEqual(
    violations.map(({ field, rule }) => [field, rule]),
    [
      ["user", "string.max_len"],
      ["room", "string.pattern"],
      ["", "message.content"],
    ],
  );
  assert.ok(violations.every(({ message }) => message !== ""));
});

test("a violation within another message is named by its path", () => {
  const reader = create(UserSchema, { room: "no room", after: { epoch: 1, offset: 2n ** 60n } });
  const fields = judged(SubscribeSchema, create(SubscribeSchema, { reader })).map(({ field }) => field);
  assert.deepEqual(fields.sort(), ["reader.after.offset", "reader.room"]);
});

// A place in a list was "[object Object]".
test("a violation within a list is named by its place", () => {
  const batch = create(MessageBatchSchema, { messages: [{ user: "ann", text: "hi" }, { text: "hi" }] });
  assert.deepEqual(
    judged(MessageBatchSchema, batch).map(({ field }) => field),
    ["messages[1].user"],
  );
});

// The interpreter read all of it: a third of a second for what one request may carry.
test("a name of 390,000 characters costs about as much as one of 1,000, and breaks the same rules", () => {
  const asked = (characters: number) =>
    violationsOf(ChatMessageSchema, create(ChatMessageSchema, { user: "\u3000".repeat(characters), text: "hi" }));
  const bestMs = (characters: number) =>
    Math.min(
      ...Array.from({ length: 5 }, () => {
        const begin = performance.now();
        asked(characters);
        return performance.now() - begin;
      }),
    );
  assert.deepEqual(asked(390_000), asked(1_000));
  assert.equal(asked(1_000).length, 2);
  const shortMs = bestMs(1_000);
  const longMs = bestMs(390_000);
  assert.ok(longMs < 100 * shortMs, `${longMs} ms, and ${shortMs} ms for a short one`);
});

test("a string is not cut in the middle of a pair, and a token is judged by all of it", () => {
  const user = `${"a".repeat(999)}${astral.repeat(10)}`;
  const message = create(ChatMessageSchema, { user, text: "hi" });
  assert.deepEqual(
    violationsOf(ChatMessageSchema, message).map(({ rule }) => rule),
    ["string.max_len"],
  );
  assert.equal(message.user, user);
  const rulesOf = (bytes: number) =>
    violationsOf(AuthenticateSchema, create(AuthenticateSchema, { token: "a".repeat(bytes) }));
  assert.equal(rulesOf(8_192).length, 0);
  assert.equal(rulesOf(8_193).length, 1);
});

test("INVALID_MESSAGE carries all violations, and none is no error", () => {
  refuseViolations([]);
  const violations = violationsOf(ChatMessageSchema, create(ChatMessageSchema, {}));
  assert.throws(
    () => refuseViolations(violations),
    (error: unknown) =>
      error instanceof ConfabError && error.code === "INVALID_MESSAGE" && error.facts.violations?.length === 2,
  );
});
