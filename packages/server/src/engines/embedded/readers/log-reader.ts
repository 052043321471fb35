import { join } from "node:path";
import { ConfabError } from "@confab/contract";
import { type ReadableLog, type RoomId, type RoomListener, Run } from "../../../core/index.js";
import { folderFiles } from "../data-folder.js";
import { enterFolder } from "../folder-lock.js";
import { LocalBus } from "../local-bus.js";
import { StoreError } from "../open-store.js";
import type { RoomEpochs } from "../room-epochs.js";
import type { Change } from "../wal/batch.js";
import { LogView } from "./log-view.js";
import { OwnerLink } from "./owner-link.js";
import { Question } from "./question.js";

/** The log of another process, read only. */
export interface LogReader {
  /** Throws ENGINE_UNAVAILABLE while there is no owner: see `trouble`. */
  readonly log: ReadableLog;
  /**
   * Report the room's entries from now on. After a time without an owner, every listener receives `interrupted` once the log can
   * be read again. The result ends it.
   */
  watch(room: RoomId, listener: RoomListener): () => void;
  /** Why nothing can be read now; undefined while it can. */
  trouble(): string | undefined;
  /**
   * Resolves when all can be read that was acknowledged before this call, by any process.
   *
   * @throws ENGINE_UNAVAILABLE
   */
  caughtUp(): Promise<void>;
  /** Resolves when the log's files are closed. May be called twice. */
  close(): Promise<void>;
}

/**
 * Read the log in a data folder beside the server that owns it. Resolves when all can be read that was durable at the call. From
 * then on the reader connects again by itself when it loses the owner.
 *
 * @throws StoreError: no server has it open, or it cannot be read. FolderLockedError: this process has it open itself.
 */
export async function openLogReader(folder: string): Promise<LogReader> {
  const leave = enterExisting(folder);
  const reader = new FolderReader(folder, leave);
  const trouble = await reader.start();
  if (trouble === undefined) return reader;
  await reader.close();
  throw new StoreError(trouble);
}

function enterExisting(folder: string): () => void {
  try {
    return enterFolder(folder);
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause)) throw cause;
    throw new StoreError(`the data folder ${folder} cannot be read (${String(cause.code)})`, { cause });
  }
}

/** The pause before the owner is looked for again, in milliseconds; doubled each time, less up to a half of it, at random. */
const firstPauseMs = 50;
const maxPauseMs = 2_000;

class FolderReader implements LogReader {
  readonly log: ReadableLog = {
    state: (room) => this.readable().state(room),
    readForward: (room, after, bounds) => this.readable().readForward(room, after, bounds),
    readBackward: (room, before, bounds) => this.readable().readBackward(room, before, bounds),
    list: (prefix, after, limit) => this.readable().list(prefix, after, limit),
  };
  private readonly bus = new LocalBus();
  /** There while the owner is connected and has said all that it holds. */
  private view: LogView | undefined;
  private link: OwnerLink | undefined;
  private question: Question | undefined;
  private reason = "it is not connected yet";
  private pauseMs = firstPauseMs;
  private retry: NodeJS.Timeout | undefined;
  private closing: Promise<void> | undefined;
  /** The last connection has ended, and its files are closed. */
  private ended: Promise<void> = Promise.resolve();

  constructor(
    private readonly folder: string,
    private readonly leave: () => void,
  ) {}

  /** Connect for the first time. Resolves with what went wrong. */
  start(): Promise<string | undefined> {
    return new Promise((resolve) => this.connect(() => resolve(this.trouble())));
  }

  watch(room: RoomId, listener: RoomListener): () => void {
    return this.bus.watch(room, listener);
  }

  trouble(): string | undefined {
    return this.view ? undefined : `the log in ${this.folder} cannot be read: ${this.reason}`;
  }

  async caughtUp(): Promise<void> {
    this.readable();
    await this.question?.ask();
  }

  close(): Promise<void> {
    this.closing ??= this.ended.then(this.leave);
    clearTimeout(this.retry);
    this.lose("it was closed");
    this.link?.end("it was closed");
    return this.closing;
  }

  /** `settled`: once, when the log can be read, or when this attempt has failed. */
  private connect(settled: () => void = () => undefined): void {
    let view: LogView | undefined;
    let close: () => void = () => undefined;
    this.ended = new Promise((resolve) => {
      close = resolve;
    });
    const known = () => {
      if (!view) throw new Error("the server did not say which log it has");
      return view;
    };
    try {
      const link: OwnerLink = new OwnerLink(this.folder, {
        hello: (epoch) => {
          view = LogView.open(join(this.folder, folderFiles.log), epoch);
        },
        held: (changes) => known().apply(changes),
        taken: () => known().take(),
        stored: () => known().stored(),
        ready: (sequence) => {
          known().reach(sequence);
          this.begin(known(), link);
          settled();
        },
        batch: (sequence, changes) => {
          known().apply(changes);
          known().reach(sequence);
          this.tell(changes, known().epochs);
        },
        reached: (question) => this.question?.reached(question),
        ended: (reason) => {
          this.lose(reason);
          (view?.close() ?? Promise.resolve()).then(close, close);
          this.connectLater();
          settled();
        },
      });
      this.link = link;
    } catch (thrown) {
      this.lose(thrown instanceof Error ? thrown.message : String(thrown));
      close();
      this.connectLater();
      settled();
    }
  }

  private begin(view: LogView, link: OwnerLink): void {
    if (this.closing !== undefined) return;
    this.view = view;
    this.question = new Question((number) => link.ask(number));
    this.pauseMs = firstPauseMs;
    this.bus.interrupted();
  }

  private lose(reason: string): void {
    this.view = undefined;
    this.reason = reason;
    this.question?.fail(new ConfabError("ENGINE_UNAVAILABLE", this.trouble() ?? reason));
    this.question = undefined;
  }

  private connectLater(): void {
    if (this.closing !== undefined) return;
    const pauseMs = this.pauseMs * (0.5 + Math.random() / 2);
    this.pauseMs = Math.min(2 * this.pauseMs, maxPauseMs);
    this.retry = setTimeout(() => this.connect(), pauseMs);
  }

  private tell(changes: readonly Change[], epochs: RoomEpochs): void {
    const rooms = new Map<number, { readonly room: RoomId; readonly epoch: number }>();
    const removed: RoomId[] = [];
    for (const change of changes) {
      if (!("key" in change) || change.table !== "rooms") continue;
      const room = change.key.toString("latin1") as RoomId;
      if (!this.bus.isWatched(room)) continue;
      if (!change.value) removed.push(room);
      else {
        const { number, epoch } = epochs.decode(room, change.value);
        rooms.set(number, { room, epoch });
      }
    }
    for (const change of changes) {
      const to = "room" in change ? rooms.get(change.room) : undefined;
      if (to && "offset" in change && change.body) this.bus.erased(to.room);
      if (!to || !("block" in change) || !change.block) continue;
      const { first, last, bytes } = change.block;
      this.bus.entries(to.room, to.epoch, new Run(first, [{ bytes, count: last - first + 1 }]));
    }
    for (const room of removed) this.bus.replaced(room);
  }

  /** @throws ENGINE_UNAVAILABLE */
  private readable(): ReadableLog {
    if (this.view) return this.view.log;
    throw new ConfabError("ENGINE_UNAVAILABLE", this.trouble() ?? this.reason);
  }
}
