import { test } from "node:test";
import { encodeBody, type Limits } from "@confab/contract";
import type { Clock, Engine, NewEntry, Retention, RoomId, RoomRetention } from "../../core/index.js";

/** What the suite asks of an engine it opens. */
export interface EngineOptions {
  /** Of all rooms, or of each. */
  readonly retention: Retention | RoomRetention;
  readonly dedupeWindowMs: number;
  readonly limits: Partial<Limits>;
  readonly clock: Clock;
  /** How often the engine looks for what has passed its age, in milliseconds; undefined: its own default. */
  readonly sweepIntervalMs?: number | undefined;
}

/** What an operator changes between two runs of an engine. */
export type Reconfiguration = Partial<Pick<EngineOptions, "dedupeWindowMs">>;

/** An engine with nothing in it, and what the suite does to it from outside. */
export interface EngineUnderTest {
  readonly engine: Engine;
  /** Close it and open it again on what it has kept, with these changes. */
  readonly reopen: (changes?: Reconfiguration) => Promise<Engine>;
  /** Open one more engine on the same rooms, for an engine that has nodes. `dispose` closes it. */
  readonly anotherNode?: () => Promise<Engine>;
  /** Release everything, whatever the test has left open. */
  readonly dispose: () => Promise<void>;
}

export type OpenEngine = (options: EngineOptions) => Promise<EngineUnderTest>;

/** What an engine may be without, each with the reason. */
export type EngineSkips = Partial<Record<EngineAbility, string>>;
export type EngineAbility =
  | "survives a reopening"
  | "trims by count"
  | "trims by bytes"
  | "trims by age"
  | "forgets ids after the window"
  | "keeps ids while a clock is ahead"
  | "bounds its pending sends"
  | "bounds its rooms"
  | "bounds its read marks"
  | "bounds its bytes"
  | "removes rooms"
  | "gives each room an epoch"
  | "refuses sends after close"
  | "forgets revocations by itself"
  | "notes deletions"
  | "keeps cursors of receivers"
  | "watches occupancy"
  | "has nodes";

/** A clock that the test moves. It starts at a time of our days, since that is what engines see. */
export class ManualClock implements Clock {
  private wallMs = 1_767_323_045_000;
  private elapsedMs = 0;

  nowMs(): number {
    return this.wallMs;
  }

  monotonicMs(): number {
    return this.elapsedMs;
  }

  /** Time passes. */
  advance(byMs: number): void {
    this.wallMs += byMs;
    this.elapsedMs += byMs;
  }

  /** The wall clock is set, and no time passes. */
  step(byMs: number): void {
    this.wallMs += byMs;
  }
}

export const aRoom = "room" as RoomId;
export const otherRoom = "other" as RoomId;
/** Larger than anything a test reads in one page. */
export const wholePage = { maxEntries: 10_000, maxBytes: 100_000_000 };

/** One engine in one test, with what tests do to it. */
export class Bench {
  readonly clock: ManualClock;
  engine: Engine;

  constructor(
    private readonly underTest: EngineUnderTest,
    clock: ManualClock,
  ) {
    this.clock = clock;
    this.engine = underTest.engine;
  }

  async reopen(changes: Reconfiguration = {}): Promise<void> {
    this.engine = await this.underTest.reopen(changes);
  }

  /** One more node on the same rooms; for tests that need "has nodes". */
  async anotherNode(): Promise<Engine> {
    const node = await this.underTest.anotherNode?.();
    if (!node) throw new Error("an engine that has nodes must open another one");
    return node;
  }

  entry(text: string, dedupeKey?: string): NewEntry {
    const sentAtMs = this.clock.nowMs();
    return { body: encodeBody({ user: "ann", text, room: "", id: "", sentAtMs }), sentAtMs, dedupeKey };
  }

  append(text: string, { room = aRoom, dedupeKey }: { room?: RoomId; dedupeKey?: string } = {}) {
    return this.engine.log.append(room, this.entry(text, dedupeKey));
  }

  /** One after another: each is a commit of its own. */
  async fill(count: number, room = aRoom, textBytes = 1): Promise<void> {
    for (let i = 0; i < count; i++) await this.append("x".repeat(textBytes), { room });
  }

  async offsets(room = aRoom, after = 0): Promise<number[]> {
    const { entries } = (await this.engine.log.readForward(room, after, wholePage)).run;
    return entries.map(({ offset }) => offset);
  }
}

export type Define = (
  name: string,
  run: (bench: Bench) => Promise<void>,
  options?: Partial<Omit<EngineOptions, "clock">> & { readonly needs?: EngineAbility | readonly EngineAbility[] },
) => void;

/** How the suite's parts define a test: on an engine of its own, released whatever happens. */
export function definer(engineName: string, open: OpenEngine, skips: EngineSkips): Define {
  return (name, run, { needs, ...options } = {}) => {
    const skip = [needs ?? []].flat().flatMap((ability) => skips[ability] ?? [])[0];
    test(`${engineName}: ${name}`, { skip: skip ?? false }, async () => {
      const clock = new ManualClock();
      const underTest = await open({ retention: {}, dedupeWindowMs: 60_000, limits: {}, clock, ...options });
      try {
        await run(new Bench(underTest, clock));
      } finally {
        await underTest.dispose();
      }
    });
  };
}

/** For `assert.rejects`: an error of the catalogue with this code. */
export function withCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof Error && "code" in error && error.code === code;
}
