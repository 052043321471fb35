import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "@confab/contract/testing/random";
import { requirePart } from "../../optional-parts.js";
import { imageAfter } from "./crash-image.js";
import { diskReportText, runDiskTorture } from "./disk-torture.js";
import type { DiskEvent } from "./recording.js";

test("after power cuts at random moments every acknowledged message is there, once and in order", async (t) => {
  if (process.platform !== "linux") return t.skip("the recorder is a library for Linux");
  const cc = requirePart(t, "cc");
  if (cc === undefined) return;
  const seed = 3;
  const result = await runDiskTorture({
    seed,
    cc,
    seconds: 1,
    cuts: 16,
    signal: new AbortController().signal,
    progress: () => undefined,
  });
  const text = diskReportText(result, seed);
  assert.equal(result.violations.length, 0, text);
  assert.ok(result.cuts === 16 && result.compared > 100, text);
});

const bytes = Buffer.alloc(1_024, "a");
const events: readonly DiskEvent[] = [
  { kind: "create", inode: "1", name: "/log" },
  { kind: "write", inode: "1", offset: 0, bytes },
  { kind: "flush begins", number: 1, inode: "1", isFolder: false },
  { kind: "flush begins", number: 2, inode: "9", isFolder: true },
  { kind: "write", inode: "1", offset: 512, bytes: Buffer.alloc(1_024, "b") },
  { kind: "flush ends", number: 1 },
  { kind: "flush ends", number: 2 },
  { kind: "rename", from: "/log", to: "/renamed" },
];
const logAfter = (end: number, loss: Parameters<typeof imageAfter>[2], seed = 1) =>
  imageAfter(events, end, loss, new Random(seed)).get("/log")?.toString();

test("a power cut keeps what was flushed when the flush began, and drops or keeps the rest", () => {
  const [flushed, all] = ["a".repeat(1_024), `${"a".repeat(512)}${"b".repeat(1_024)}`];
  assert.equal(logAfter(7, "dropped"), flushed, "the later write is not part of the flush");
  assert.equal(logAfter(7, "kept"), all);
  assert.equal(logAfter(6, "dropped"), undefined, "its name was not flushed");
  assert.equal(logAfter(5, "kept"), all);
  const either = new Set(Array.from({ length: 20 }, (_, seed) => logAfter(7, "either", seed + 1)));
  assert.deepEqual(either, new Set([flushed, all]));
});

test("a torn write is there by sectors of 512 bytes", () => {
  const torn = new Set(Array.from({ length: 40 }, (_, seed) => logAfter(7, "torn", seed + 1)));
  const [a, b] = ["a".repeat(512), "b".repeat(512)];
  assert.deepEqual(torn, new Set([a + a, a + b, a + a + b, a + b + b]));
});

test("a file that is renamed has its old name until the folder is flushed", () => {
  const names = (loss: "kept" | "dropped") => [...imageAfter(events, 8, loss, new Random(1)).keys()];
  assert.deepEqual([names("dropped"), names("kept")], [["/log"], ["/renamed"]]);
});
