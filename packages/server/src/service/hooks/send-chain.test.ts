import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError } from "@confab/contract";
import { testCaller } from "../../testing/test-caller.js";
import { SendChain } from "./send-chain.js";

const codeOf = (code: string) => (error: unknown) => error instanceof ConfabError && error.code === code;

test("what waits for a hook is dropped when its connection is over", async () => {
  const chain = new SendChain();
  const caller = testCaller();
  const asked: number[] = [];
  let answer: () => void = () => undefined;
  const ask = (n: number) => () => {
    asked.push(n);
    return new Promise<number>((resolve) => {
      answer = () => resolve(n);
    });
  };
  const first = chain.pass(caller, ask(1), async (n) => n);
  const second = chain.pass(caller, ask(2), async (n) => n);
  caller.share.close();
  answer();
  assert.equal(await first, 1);
  await assert.rejects(second, codeOf("CANCELLED"));
  assert.deepEqual(asked, [1]);
});

test("what waits for a hook is bounded, in number and bytes", async () => {
  for (const [count, bytes] of [
    [4_096, 0],
    [64, 1_048_576],
  ] as const) {
    const chain = new SendChain();
    let answer: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const caller = testCaller();
    const sends = Array.from({ length: count + 1 }, () =>
      chain.pass(
        caller,
        () => held,
        async () => 1,
        bytes,
      ),
    );
    await assert.rejects(
      chain.pass(
        caller,
        () => held,
        async () => 1,
        bytes + 1,
      ),
      codeOf("OVERLOADED"),
    );
    answer();
    await Promise.all(sends);
    assert.equal(
      await chain.pass(
        caller,
        () => undefined,
        async () => 2,
        bytes,
      ),
      2,
    );
  }
});
