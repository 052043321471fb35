import assert from "node:assert/strict";
import { test } from "node:test";
import { roomIdFrom } from "../../core/index.js";
import type { Action } from "./principal.js";
import { Permissions, RuleError, rulesFrom } from "./rules.js";

const rule = (pattern: string, can: readonly Action[], cannot: readonly Action[] = []) => ({ pattern, can, cannot });

/** Which of the rooms a caller with one rule may read. */
function readable(pattern: string, rooms: readonly string[], user: string | undefined = "ann"): string[] {
  const permissions = new Permissions(rulesFrom([rule(pattern, ["read"])], "rules"), user);
  return rooms.filter((room) => permissions.allow("read", roomIdFrom(room)));
}

test("a pattern is a name, or the beginning of names; case counts", () => {
  const rooms = ["a", "ab", "A", "abc", "b"];
  assert.deepEqual(readable("ab", rooms), ["ab"]);
  assert.deepEqual(readable("ab*", rooms), ["ab", "abc"]);
  assert.deepEqual(readable("*", rooms), rooms);
  assert.deepEqual(readable("A*", rooms), ["A"]);
  assert.deepEqual(readable("a.", ["a", "a.", "ab"]), ["a."]);
});

test("{user} is the verified user, and nothing where there is none", () => {
  assert.deepEqual(readable("dm-{user}", ["dm-ann", "dm-bob", "dm-ann2", "dm-"]), ["dm-ann"]);
  assert.deepEqual(readable("{user}-{user}.*", ["ann-ann.x", "ann-bob.x"]), ["ann-ann.x"]);
  const permissions = new Permissions([rule("dm-{user}*", ["read"]), rule("x", ["read"])], undefined);
  assert.deepEqual(
    ["dm-", "dm-undefined", "x"].map((room) => permissions.allow("read", roomIdFrom(room))),
    [false, false, true],
  );
});

test("a user's name gives a pattern no power: stars and braces in it are characters", () => {
  const rooms = ["any", "lobby", "dm-x", "ann"];
  for (const user of ["*", "dm-*", "{user}", "{user}*", "a/b", "Änn", "ａｎｎ"]) {
    assert.deepEqual(readable("{user}", rooms, user), []);
    assert.deepEqual(readable("dm-{user}", rooms, user), []);
  }
});

test("what one rule forbids no other allows, whatever their order", () => {
  const rules = [rule("*", ["read", "send"]), rule("ops-*", [], ["send"])];
  for (const list of [rules, rules.toReversed()]) {
    const permissions = new Permissions(list, "ann");
    const may = (action: Action, room: string) => permissions.allow(action, roomIdFrom(room));
    assert.deepEqual([may("send", "lobby"), may("read", "ops-1"), may("send", "ops-1")], [true, true, false]);
    assert.ok(may("send", "lobby"), "asked again");
  }
});

test("in no particular room an action is allowed that is allowed in some room", () => {
  const allows = (...rules: ReturnType<typeof rule>[]) => new Permissions(rules, "ann").allow("list", "some room");
  assert.ok(allows(rule("a", ["list"])));
  assert.ok(!allows(rule("a", ["read"])));
  assert.ok(!allows(rule("a", ["list"]), rule("*", [], ["list"])));
  assert.ok(!allows({ ...rule("a*", ["list"]), cannot: ["list"] }));
  assert.ok(!allows(rule("a", ["list"]), rule("a*", [], ["list"])));
  assert.ok(allows(rule("a*", ["list"]), rule("ab*", [], ["list"])));
  assert.ok(!allows());
});

test("in all rooms an action is allowed that a rule for all rooms allows, and no rule forbids anywhere", () => {
  const allows = (...rules: ReturnType<typeof rule>[]) => new Permissions(rules, "ann").allow("admin", "all rooms");
  assert.ok(allows(rule("*", ["admin"])));
  assert.ok(!allows(rule("a*", ["admin"])));
  assert.ok(!allows(rule("*", ["admin"]), rule("a", [], ["admin"])));
  assert.ok(!allows(rule("{user}*", ["admin"])));
});

const wrong: readonly [value: unknown, text: RegExp][] = [
  [undefined, /^r must be a list/],
  [{}, /^r must be a list/],
  [[null], /^r\[0\] must be an object/],
  [["*"], /^r\[0\] must be an object/],
  [[{ can: [] }], /^r\[0\]\.pattern .*missing/],
  [[{ pattern: "", can: [] }], /^r\[0\]\.pattern/],
  [[{ pattern: "a*b", can: [] }], /^r\[0\]\.pattern .*"a\*b"/],
  [[{ pattern: "**", can: [] }], /^r\[0\]\.pattern/],
  [[{ pattern: "*a", can: [] }], /^r\[0\]\.pattern/],
  [[{ pattern: "{room}", can: [] }], /^r\[0\]\.pattern/],
  [[{ pattern: "a%2Fb", can: [] }], /^r\[0\]\.pattern/],
  [[{ pattern: "ä", can: [] }], /^r\[0\]\.pattern/],
  [[{ pattern: "a", can: "read" }], /^r\[0\]\.can must be a list/],
  [
    [
      { pattern: "a", can: ["read"] },
      { pattern: "a", can: ["Read"] },
    ],
    /^r\[1\]\.can has "Read"; there are read, send/,
  ],
  [[{ pattern: "a", can: [], cannot: [1] }], /^r\[0\]\.cannot has 1/],
  [[{ pattern: "a", may: ["read"] }], /^r\[0\] has "may"/],
  [Array.from({ length: 201 }, () => ({ pattern: "a", can: [] })), /201 rules; at most 200/],
];

for (const [value, text] of wrong) {
  test(`no rules: ${JSON.stringify(value)?.slice(0, 60)}`, () => {
    assert.throws(
      () => rulesFrom(value, "r"),
      (error: unknown) => error instanceof RuleError && text.test(error.message),
    );
  });
}
