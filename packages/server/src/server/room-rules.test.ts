import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { limitsWith } from "@confab/contract";
import { roomIdFrom } from "../core/index.js";
import { ConfigError } from "./config-error.js";
import { checkedRooms, policiesBy, type RoomRule, retentionBy, roomRulesFrom } from "./room-rules.js";

const limits = limitsWith();

function refusal(text: string): (error: unknown) => boolean {
  return (error) => error instanceof ConfigError && error.message.includes(text);
}

describe("rules for rooms", () => {
  it("are read with numbers or with units, and come out with numbers", () => {
    const all: RoomRule = {
      pattern: "team-*",
      retention: { maxMessages: 10, maxBytes: 500_000_000, maxAgeMs: 604_800_000 },
      presence: false,
      history: 50,
      maxMessageBytes: 2_048,
      create: "tokens",
    };
    const inText = {
      ...all,
      retention: { maxMessages: 10, maxBytes: "500MB", maxAge: "7d" },
      maxMessageBytes: "2KiB",
    };
    assert.deepEqual(roomRulesFrom([inText]), [all]);
    assert.deepEqual(roomRulesFrom([all]), [all]);
    assert.deepEqual(roomRulesFrom([{ pattern: "*" }]), [{ pattern: "*" }]);
    assert.deepEqual(roomRulesFrom([]), []);
    const none = { pattern: "x", retention: { maxMessages: "none", maxBytes: "none", maxAgeMs: "none" } };
    assert.deepEqual(roomRulesFrom([none]), [none]);
  });

  for (const [value, text] of [
    [{}, "rooms must be a list of rules, got {}"],
    [null, "rooms must be a list of rules, got null"],
    [Array.from({ length: 201 }, (_, at) => ({ pattern: `r${at}` })), "rooms has 201 rules; at most 200"],
    [["lobby"], "rooms[0] must be an object with pattern, retention"],
    [[{ pattern: "a" }, { patern: "b" }], 'rooms[1] has "patern"; there are pattern, retention'],
    [[{}], "rooms[0].pattern must be a room's name, or the beginning of one and then *; got nothing"],
    [[{ pattern: "" }], "rooms[0].pattern must be"],
    [[{ pattern: "a*b" }], 'got "a*b"'],
    [[{ pattern: "-a" }], "rooms[0].pattern must be"],
    [[{ pattern: "ä" }], "rooms[0].pattern must be"],
    [[{ pattern: "dm-{user}" }], "rooms[0].pattern has {user}, which only rules of callers have"],
    [[{ pattern: "a".repeat(101) }], "rooms[0].pattern must be"],
    [
      [{ pattern: "a*" }, { pattern: "b" }, { pattern: "ab*" }],
      'rooms[2].pattern "ab*" is never reached: rooms[0] has "a*"',
    ],
    [[{ pattern: "b" }, { pattern: "b" }], 'rooms[1].pattern "b" is never reached: rooms[0] has "b"'],
    [
      [{ pattern: "a", retention: 7 }],
      "rooms[0].retention must be an object with maxMessages, maxBytes, maxAge, maxAgeMs",
    ],
    [[{ pattern: "a", retention: { age: "7d" } }], 'rooms[0].retention has "age"'],
    [
      [{ pattern: "a", retention: { maxAge: "7 days" } }],
      "rooms[0].retention.maxAge must be a time such as 90s, 30m, 12h or 7d",
    ],
    [[{ pattern: "a", retention: { maxAge: "1d", maxAgeMs: 1 } }], "two names of one bound"],
    [[{ pattern: "a", retention: { maxAgeMs: 0 } }], "rooms[0].retention.maxAgeMs must be a time"],
    [[{ pattern: "a", retention: { maxBytes: "5TB" } }], "rooms[0].retention.maxBytes must be a size such as"],
    [[{ pattern: "a", retention: { maxMessages: "7" } }], "rooms[0].retention.maxMessages must be a whole number"],
    [[{ pattern: "a", retention: { maxMessages: 1.5 } }], "got 1.5"],
    [[{ pattern: "a", presence: "no" }], 'rooms[0].presence must be true or false; got "no"'],
    [[{ pattern: "a", history: 0 }], "rooms[0].history must be true, false or a whole number from 1 to 1000; got 0"],
    [[{ pattern: "a", history: 1_001 }], "got 1001"],
    [[{ pattern: "a", maxMessageBytes: 255 }], "rooms[0].maxMessageBytes must be a size"],
    [[{ pattern: "a", maxMessageBytes: "none" }], "rooms[0].maxMessageBytes must be a size"],
    [[{ pattern: "a", create: "some" }], "rooms[0].create must be anyone, tokens, none; got"],
  ] as const) {
    it(`are refused with "${text}"`, () => assert.throws(() => roomRulesFrom(value), refusal(text)));
  }

  it("allow messages up to the server's own limit", () => {
    const rule = (maxMessageBytes: number) => [{ pattern: "a" }, { pattern: "b", maxMessageBytes }];
    const { maxMessageBytes } = limits;
    assert.equal(checkedRooms(rule(maxMessageBytes), limits).length, 2);
    const text = `rooms[1].maxMessageBytes is ${maxMessageBytes + 1}; it must not be larger than the limit`;
    assert.throws(() => checkedRooms(rule(maxMessageBytes + 1), limits), refusal(text));
    assert.deepEqual(checkedRooms(undefined, limits), []);
  });
});

describe("a room's bounds", () => {
  const all = { maxMessages: 1_000, maxBytes: 5_000 };
  const rules = roomRulesFrom([
    { pattern: "team-ops", retention: { maxMessages: 1 } },
    { pattern: "team-*", retention: { maxMessages: 2, maxBytes: "none", maxAge: "1h" }, presence: false },
    { pattern: "dm-ann", history: false },
    { pattern: "dm-*", history: 7, create: "none" },
    { pattern: "team", maxMessageBytes: 300 },
  ]);

  it("are those of the first rule that matches its name, and the server's where that says nothing", () => {
    const { of, hasAges } = retentionBy(rules, all);
    const bounds = (room: string) => Object.values(of(roomIdFrom(room)));
    assert.deepEqual(bounds("team-ops"), [1, 5_000, undefined]);
    assert.deepEqual(bounds("team-ops2"), [2, undefined, 3_600_000]);
    assert.deepEqual(bounds("team-"), [2, undefined, 3_600_000]);
    assert.deepEqual(bounds("team"), [1_000, 5_000, undefined]);
    assert.deepEqual(bounds("Team-x"), [1_000, 5_000]);
    // The same room again, after another one.
    assert.deepEqual(bounds("team-ops"), [1, 5_000, undefined]);
    assert.equal(hasAges, true);
    assert.equal(retentionBy(rules.slice(0, 1), all).hasAges, false);
    assert.equal(retentionBy([], { maxAgeMs: 1 }).hasAges, true);
  });

  it("say what the room has and allows", () => {
    const rooms = policiesBy(rules, limits);
    const policy = (room: string) => Object.values(rooms.of(roomIdFrom(room)));
    const { maxMessageBytes } = limits;
    assert.deepEqual(policy("team-x"), [false, 1_000, maxMessageBytes, "anyone"]);
    assert.deepEqual(policy("dm-ann"), [true, 0, maxMessageBytes, "anyone"]);
    assert.deepEqual(policy("dm-bob"), [true, 7, maxMessageBytes, "none"]);
    assert.deepEqual(policy("team"), [true, 1_000, 300, "anyone"]);
    assert.deepEqual(policy(""), [true, 1_000, maxMessageBytes, "anyone"]);
  });
});
