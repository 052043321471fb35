import assert from "node:assert/strict";
import { test } from "node:test";
import { maxRefusalCharacters, nothingIn, refusalIn, sendAnswerIn } from "./answers.js";
import type { SendEvent } from "./hooks.js";

const payload = { typeUrl: "type.example/a.B", value: new Uint8Array([1]) };
const event: SendEvent = {
  room: "den",
  user: "ann",
  text: "hi",
  id: "1",
  payload,
  change: undefined,
  caller: { user: undefined, kind: "anonymous", transport: "rest", remoteAddress: "127.0.0.1" },
};

test("an answer that says nothing counts as no answer", () => {
  for (const answer of [undefined, null, {}]) {
    assert.equal(sendAnswerIn(answer, event), undefined);
    assert.equal(refusalIn(answer), undefined);
    assert.equal(nothingIn(answer), undefined);
  }
});

test("a change leaves the rest as it was", () => {
  const other = { typeUrl: "type.example/a.C", value: new Uint8Array(0) };
  for (const [answer, message] of [
    [{ text: "ho" }, { text: "ho", payload }],
    [{ text: "" }, { text: "", payload }],
    [{ payload: other }, { text: "hi", payload: other }],
    [{ payload: null }, { text: "hi", payload: undefined }],
    [
      { text: "ho", payload: null },
      { text: "ho", payload: undefined },
    ],
    [
      { room: "den", user: "ann", id: "1", text: "ho" },
      { text: "ho", payload },
    ],
  ] as const)
    assert.deepEqual(sendAnswerIn(answer, event), { message });
  assert.equal(sendAnswerIn({ room: "den", user: "ann", id: "1" }, event), undefined);
});

for (const [what, answer, reason] of [
  ["another room", { room: "lair", text: "ho" }, /changes room/],
  ["another user", { user: "bob" }, /changes user/],
  ["another id", { id: "2" }, /changes id/],
  ["a text that is a number", { text: 7 }, /text/],
  ["a text that is nothing", { text: null }, /text/],
  ["a payload without a value", { payload: { typeUrl: "a/b" } }, /payload/],
  ["a payload with a value in JSON", { payload: { typeUrl: "a/b", value: "aGk=" } }, /payload/],
  ["a field that it does not have", { txt: "ho" }, /"txt"/],
  ["a word", "no", /string/],
  ["a boolean", true, /boolean/],
  ["a list", ["ho"], /list/],
  ["a refusal that is a boolean", { refuse: true }, /refuse/],
] as const) {
  test(`an answer with ${what} is not one`, () => {
    assert.throws(() => sendAnswerIn(answer, event), { name: "HookFault", message: reason });
  });
}

test("hooks that may only refuse, or say nothing, cannot change a message", () => {
  assert.throws(() => refusalIn({ text: "ho" }), { name: "HookFault" });
  assert.throws(() => nothingIn({ refuse: "no" }), { name: "HookFault" });
});

test("a refusal's text is bounded, is text, and is never empty", () => {
  assert.deepEqual(sendAnswerIn({ refuse: "no", text: "ho" }, event), { refuse: "no" });
  assert.deepEqual(refusalIn({ refuse: "" }), { refuse: "refused by the server's hook" });
  const long = refusalIn({ refuse: `${"x".repeat(maxRefusalCharacters - 1)}🌍 and more` })?.refuse ?? "";
  assert.equal(long.length, maxRefusalCharacters);
  assert.ok(!/[\ud800-\udfff]/.test(long));
  assert.deepEqual(refusalIn({ refuse: "\ud83c no \udf0d, 🌍" }), { refuse: "\ufffd no \ufffd, 🌍" });
});
