import assert from "node:assert/strict";
import { type Ack, ConfabError, decodeChatMessage, limitsWith } from "@confab/contract";
import { type Engine, Hub, type LogEntry, type RoomId, type Run, sameForAll } from "../../../core/index.js";
import { ManualClock } from "../../../testing/engine-suite/index.js";
import { ManualTurns, settled } from "../../../testing/manual-turns.js";
import { RecordingSink } from "../../../testing/recording-sink.js";
import { DiskSpace } from "../disk-space.js";
import { engineOn } from "../embedded-engine.js";
import type { Store } from "../store.js";
import { MemoryDisk } from "./memory-disk.js";

interface Acknowledged {
  readonly room: string;
  readonly text: string;
  readonly offset: number;
  readonly isDuplicate: boolean;
}

interface Refusal {
  readonly room: string;
  readonly text: string;
  /** Of the catalogue; undefined: another error. */
  readonly code: string | undefined;
}

const rooms = ["a", "b", "c"] as const;
const limits = limitsWith();

/**
 * The embedded engine and the hub above it on a disk that fails, with a reader in each room, senders that send again what
 * was refused, and the proof that the log has what was acknowledged.
 */
export class FailingServer {
  readonly acknowledged: Acknowledged[] = [];
  readonly refusals: Refusal[] = [];
  /** What was sent at least once, by room. */
  private readonly sent = new Map<string, Set<string>>();
  private readonly turns = new ManualTurns();
  private readonly sinks = new Map<string, RecordingSink>();
  private hub: Hub;
  private sends = 0;
  private nowMs = 1_767_323_045_000;

  private constructor(
    readonly disk: MemoryDisk,
    private readonly openStore: (disk: MemoryDisk) => Store,
    private engine = openEngine(disk, openStore),
  ) {
    this.hub = this.hubOn(engine);
  }

  /** `openStore`: opens what is durable on the disk; by default, without a write-ahead log in front of it. */
  static async start(openStore = (disk: MemoryDisk): Store => disk.open()): Promise<FailingServer> {
    const server = new FailingServer(new MemoryDisk(), openStore);
    await server.subscribeAll();
    return server;
  }

  get store(): Store {
    return this.engine.store;
  }

  /** As after a kill: nothing is closed, and another server opens what is durable. */
  async restart(): Promise<void> {
    this.disk.changesUntilThrow = Number.POSITIVE_INFINITY;
    this.disk.readsUntilThrow = Number.POSITIVE_INFINITY;
    this.engine = openEngine(this.disk, this.openStore);
    this.hub = this.hubOn(this.engine);
    this.sinks.clear();
    await this.subscribeAll();
  }

  async send(room: string, text: string, id = text): Promise<Ack> {
    const texts = this.sent.get(room) ?? new Set();
    this.sent.set(room, texts.add(text));
    try {
      const ack = await this.hub.send({ user: "ann", room, text, id });
      this.acknowledged.push({ room, text, offset: ack.position.offset, isDuplicate: ack.duplicate });
      return ack;
    } catch (error) {
      this.refusals.push({ room, text, code: error instanceof ConfabError ? error.code : undefined });
      throw error;
    }
  }

  /** So many turns with two sends to each room; what is refused is sent again in the next turn. Ends when the power fails. */
  async chat(count: number, { isRetrying = true } = {}): Promise<void> {
    const powerFailure = new Promise<void>((resolve) => {
      this.disk.onCut = resolve;
    });
    let again: { readonly room: string; readonly text: string }[] = [];
    for (let turn = 0; turn < count && !this.disk.isCut; turn++) {
      const fresh = rooms.flatMap((room) => [1, 2].map(() => ({ room, text: `text ${++this.sends}` })));
      const refusalsBefore = this.refusals.length;
      const all = Promise.allSettled([...again, ...fresh].map(({ room, text }) => this.send(room, text)));
      await Promise.race([all, powerFailure]);
      again = isRetrying ? this.refusals.slice(refusalsBefore) : [];
      // Space is made, so that sending goes on.
      this.disk.freeBytes = 1_000_000_000;
    }
  }

  async logOf(room: string): Promise<string[]> {
    return (await this.entriesOf(room)).map(({ body }) => decodeChatMessage(body).text);
  }

  async lastOf(room: string, count: number): Promise<string[]> {
    const bounds = { maxEntries: count, maxBytes: 10_000_000 };
    const { entries } = (await this.engine.log.readBackward(room as RoomId, Number.MAX_SAFE_INTEGER, bounds)).run;
    return entries.map(({ body }) => decodeChatMessage(body).text);
  }

  async rooms(): Promise<string[]> {
    return (await this.engine.log.list("", "", 100)).map(({ room }) => room);
  }

  delivered(room: string): string[] {
    return (this.sinks.get(room)?.writes ?? []).flatMap(
      (bytes) => JSON.parse(Buffer.from(bytes).toString()) as string[],
    );
  }

  /** Let everything go on that can, and readers find what the bus did not bring. */
  async rest(): Promise<void> {
    for (let i = 0; i < 3; i++) {
      await this.turns.untilIdle();
      this.hub.checkIdleRooms();
      await settled();
    }
    await this.turns.untilIdle();
  }

  /** Acknowledged ⊆ read, at its offset; offsets without a hole; each message once, in the order of its sends; nothing else. */
  async prove(): Promise<void> {
    await this.rest();
    for (const room of new Set([...rooms, ...this.sent.keys()])) {
      const entries = await this.entriesOf(room);
      const texts = entries.map(({ body }) => decodeChatMessage(body).text);
      assert.deepEqual(
        entries.map(({ offset }) => offset),
        entries.map((_, index) => index + 1),
        `${room}: offsets rise by one`,
      );
      assert.equal(new Set(texts).size, texts.length, `${room}: no message is there twice`);
      const acknowledged = this.acknowledged.filter((each) => each.room === room);
      for (const { text, offset } of acknowledged)
        assert.equal(texts[offset - 1], text, `${room}: what was acknowledged at ${offset} is there`);
      const mayBeThere = new Set([...acknowledged.map(({ text }) => text), ...this.unknownTexts(room)]);
      for (const text of texts)
        assert.ok(mayBeThere.has(text), `${room}: ${text} was refused or never sent, and is there`);
      const inOrder = acknowledged.filter(({ text, isDuplicate }) => !isDuplicate && !this.wasRefused(room, text));
      assert.deepEqual(
        inOrder.map(({ offset }) => offset),
        inOrder.map(({ offset }) => offset).toSorted((a, b) => a - b),
        `${room}: in the order in which they were sent`,
      );
      if (this.sinks.has(room)) assert.deepEqual(this.delivered(room), texts, `${room}: its reader has the log`);
    }
  }

  /** A send that ends without an answer may have been stored, as one whose outcome is unknown. */
  private unknownTexts(room: string): string[] {
    const refused = this.refusals.filter((each) => each.room === room);
    const answered = new Set(
      [...this.acknowledged, ...refused].filter((each) => each.room === room).map(({ text }) => text),
    );
    const unanswered = [...(this.sent.get(room) ?? [])].filter((text) => !answered.has(text));
    return [...unanswered, ...refused.filter(({ code }) => code === "OUTCOME_UNKNOWN").map(({ text }) => text)];
  }

  private wasRefused(room: string, text: string): boolean {
    return this.refusals.some((each) => each.room === room && each.text === text);
  }

  private async entriesOf(room: string): Promise<readonly LogEntry[]> {
    const bounds = { maxEntries: 10_000, maxBytes: 10_000_000 };
    return (await this.engine.log.readForward(room as RoomId, 0, bounds)).run.entries;
  }

  private hubOn(engine: ReturnType<typeof openEngine>): Hub {
    let ids = 0;
    return new Hub({
      engine,
      clock: { nowMs: () => this.nowMs++, monotonicMs: () => 0 },
      turns: this.turns,
      ids: { messageId: () => `made-${++ids}` },
      limits,
    });
  }

  private async subscribeAll(): Promise<void> {
    for (const room of rooms) {
      const sink = new RecordingSink(new TextEncoding());
      this.sinks.set(room, sink);
      const subscribed = this.hub.subscribe(
        { room: room as RoomId, user: "", after: undefined, history: 10_000 },
        sink,
      );
      await this.turns.untilIdle();
      await subscribed;
      await this.turns.untilIdle();
    }
  }
}

/** The texts of a run, so that a test sees what a reader was given. */
class TextEncoding {
  readonly name = "texts";

  encode(_room: RoomId, _epoch: number, run: Run): Uint8Array {
    return Buffer.from(JSON.stringify(run.entries.map(({ body }) => decodeChatMessage(body).text)));
  }
}

function openEngine(disk: MemoryDisk, openStore: (disk: MemoryDisk) => Store): Engine & { readonly store: Store } {
  const store = openStore(disk);
  const engine = engineOn(store, new DiskSpace(async () => disk.freeBytes), {
    retention: sameForAll({}),
    dedupeWindowMs: 60_000,
    limits,
    clock: new ManualClock(),
    log: { warn: () => undefined },
  });
  return { ...engine, store };
}
