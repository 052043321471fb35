import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Limits, limitsWith } from "@confab/contract";
import { type Engine, type Retention, type RoomRetention, sameForAll } from "../../../core/index.js";
import { type EmbeddedEngineConfig, openEmbeddedEngine } from "../index.js";

/** A folder of the test's own, which the test removes. */
export function testFolder(): string {
  return mkdtempSync(join(tmpdir(), "confab-log-"));
}

type TestConfig = Partial<Omit<EmbeddedEngineConfig, "limits" | "retention">> & {
  readonly limits?: Partial<Limits>;
  readonly retention?: Retention | RoomRetention;
};

export function openTestEngine(
  folder: string,
  { limits, retention = {}, ...config }: TestConfig = {},
): Promise<Engine> {
  return openEmbeddedEngine({
    folder,
    durability: "fsync",
    retention: "of" in retention ? retention : sameForAll(retention),
    dedupeWindowMs: 60_000,
    clock: { nowMs: () => Date.now(), monotonicMs: () => performance.now() },
    log: { warn: () => undefined },
    ...config,
    limits: limitsWith(limits),
  });
}
