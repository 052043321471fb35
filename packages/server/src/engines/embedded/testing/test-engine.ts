import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeChatMessage, encodeBody, type Limits, limitsWith } from "@confab/contract";
import {
  type Appended,
  type Engine,
  type Retention,
  type RoomId,
  type RoomRetention,
  sameForAll,
} from "../../../core/index.js";
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

/** Send a text that is recognised when it comes again. */
export function sendText(engine: Engine, room: RoomId, text: string): Promise<Appended> {
  const body = encodeBody({ user: "ann", text, room, id: "", sentAtMs: 1 });
  return engine.log.append(room, { body, sentAtMs: 1, dedupeKey: text.slice(0, 60) });
}

/** Send a text without an id, so that the message has it alone. */
export function sayText(engine: Engine, room: RoomId, text: string): Promise<Appended> {
  const body = encodeBody({ user: "ann", text, room, id: "", sentAtMs: 1 });
  return engine.log.append(room, { body, sentAtMs: 1, dedupeKey: undefined });
}

/** The texts of a room, oldest first. */
export async function textsIn(engine: Engine, room: RoomId): Promise<string[]> {
  const { entries } = (await engine.log.readForward(room, 0, { maxEntries: 1_000_000, maxBytes: 1_000_000_000 })).run;
  return entries.map(({ body }) => decodeChatMessage(body).text);
}
