import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "@confab/contract/testing/random";
import { drawFate } from "./fate.js";
import { allTransports, parseOptions } from "./options.js";
import { scheduleBlows } from "./schedule.js";
import { randomFor } from "./seeds.js";

const kinds = ["storm", "kill", "restart"] as const;

test("without options it is a minute over all transports, and the seed is to be drawn", () => {
  assert.deepEqual(parseOptions([]), {
    kind: "run",
    options: {
      seconds: 60,
      seed: undefined,
      senders: 14,
      readers: 28,
      transports: allTransports,
      nodes: 1,
      wipesRedis: false,
      jsonFile: undefined,
    },
  });
});

test("--disk takes a time, a seed and a file, and nothing else", () => {
  assert.deepEqual(parseOptions(["--disk", "--seed", "7", "--seconds", "5"]), {
    kind: "disk",
    options: { seconds: 5, seed: 7, jsonFile: undefined },
  });
});

test("wrong options are refused with what would be right", () => {
  const reasons: readonly (readonly [readonly string[], RegExp])[] = [
    [["--seconds", "3601"], /^--seconds is '3601'; it takes 1 to 3600$/],
    [["--seed", "-1"], /--seed/],
    [["--seed", "x"], /^--seed is 'x'/],
    [["--readers", "1.5"], /^--readers is '1.5'/],
    [["--transports", "grpc,udp"], /^--transports does not know 'udp'; it takes grpc,/],
    [["--wipe"], /--wipe is for nodes that share a Redis/],
    [["--disk", "--nodes", "3"], /^--nodes cannot be used with --disk$/],
    [["--fast"], /--fast/],
    [["now"], /now/],
  ];
  for (const [argv, reason] of reasons) {
    const parsed = parseOptions(argv);
    assert.equal(parsed.kind, "wrong", argv.join(" "));
    if (parsed.kind === "wrong") assert.match(parsed.reason, reason);
  }
});

test("a seed decides the blows and the fates, and another seed decides otherwise", () => {
  const decisions = (seed: number) => [
    scheduleBlows(60, kinds, randomFor(seed, "blows")),
    Array.from({ length: 20 }, () => drawFate(randomFor(seed, "proxy"))),
  ];
  assert.deepEqual(decisions(5), decisions(5));
  assert.notDeepEqual(decisions(5), decisions(6));
});

test("a run has every kind of blow, within its time and in its order, however short", () => {
  for (let seed = 1; seed <= 50; seed++) {
    for (const seconds of [1, 5, 60]) {
      const blows = scheduleBlows(seconds, kinds, new Random(seed));
      assert.deepEqual(new Set(blows.map(({ blow }) => blow)), new Set(kinds));
      const times = blows.map(({ atMs }) => atMs);
      assert.deepEqual(
        times,
        times.toSorted((a, b) => a - b),
      );
      assert.ok(times.every((atMs) => atMs >= 0 && atMs < seconds * 1_000));
    }
  }
});
