import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConfabError } from "@confab/contract";
import { ManualTurns } from "../testing/manual-turns.js";
import { goOn, inTurn, type PacedInput } from "./paced-input.js";
import { Work } from "./work.js";

class TestInput implements PacedInput {
  readonly turns = new ManualTurns();
  readonly share = new Work({ afterTurn: (run) => this.turns.afterTurn(run), nowMs: () => 0 }).share();
  waitingSteps: (() => void)[] | undefined;
  isTurnAwaited = false;
  isHeld = false;
  /** Whether the client was paused, at each change. */
  readonly pauses: boolean[] = [];
  readonly errors: ConfabError[] = [];

  updatePause(): void {
    const isPaused = this.waitingSteps !== undefined;
    if (this.pauses.at(-1) !== isPaused) this.pauses.push(isPaused);
  }

  failed(error: ConfabError): void {
    this.errors.push(error);
  }
}

test("a client whose messages wait is paused until the last of them is taken, in order", async () => {
  const input = new TestInput();
  input.share.spend(1_000);
  const taken: string[] = [];
  for (const name of ["a", "b", "c"]) {
    inTurn(input, () => {
      taken.push(name);
      input.share.spend(3_000);
    });
  }
  assert.deepEqual([taken, input.pauses], [[], [true]]);
  await input.turns.next();
  assert.deepEqual([taken, input.pauses], [["a", "b"], [true]]);
  await input.turns.untilIdle();
  assert.deepEqual(
    [taken, input.pauses],
    [
      ["a", "b", "c"],
      [true, false],
    ],
  );
});

test("a step that throws ends its own stream, and the next one is taken", async () => {
  const input = new TestInput();
  input.share.spend(1_000);
  const taken: string[] = [];
  inTurn(input, () => {
    throw new Error("a bug");
  });
  inTurn(input, () => taken.push("next"));
  await input.turns.untilIdle();
  assert.deepEqual(
    input.errors.map(({ code }) => code),
    ["INTERNAL"],
  );
  assert.deepEqual([taken, input.waitingSteps], [["next"], undefined]);
});

test("a step is done at once where nothing waits, and none while the taker wants none", async () => {
  const input = new TestInput();
  const taken: string[] = [];
  inTurn(input, () => {
    taken.push("a");
    input.isHeld = true;
  });
  for (const name of ["b", "c"]) {
    inTurn(input, () => {
      taken.push(name);
      input.isHeld = true;
    });
  }
  await input.turns.untilIdle();
  assert.deepEqual([taken, input.pauses], [["a"], [true]]);
  input.isHeld = false;
  goOn(input);
  await input.turns.untilIdle();
  assert.deepEqual([taken, input.pauses], [["a", "b"], [true]], "the taker wants no more after it");
  input.isHeld = false;
  goOn(input);
  inTurn(input, () => taken.push("d"));
  await input.turns.untilIdle();
  assert.deepEqual([taken, input.pauses], [["a", "b", "c"], [true]], "d waits behind c");
  input.isHeld = false;
  goOn(input);
  await input.turns.untilIdle();
  assert.deepEqual(
    [taken, input.pauses],
    [
      ["a", "b", "c", "d"],
      [true, false],
    ],
  );
});
