// A process that reads a data folder beside its owner: see `child.ts`. It follows rooms as core does: from what it receives, and
// from the log where it may have missed something.
import type { LogEntry, RoomId, RoomListener, Run } from "../../../../core/index.js";
import { type LogReader, openLogReader } from "../log-reader.js";
import { answerParent, tellParent } from "./answer-parent.js";
import { readRooms, type Seen, seenFrom } from "./read-rooms.js";

let reader: LogReader | undefined;
const rooms = new Map<string, FollowedRoom>();

function read(): LogReader {
  if (!reader) throw new Error("no reader is open");
  return reader;
}

/** A room's messages as its readers get them. */
class FollowedRoom implements RoomListener {
  /** In the order in which they were received, or read. */
  readonly seen: Seen[] = [];
  /** Entries that were received twice, and entries that were not received although nothing was interrupted. */
  repeated = 0;
  holes = 0;
  /** What was read and does not agree with what was received. */
  readonly problems: string[] = [];
  private readonly known = new Set<string>();
  private epoch = 0;
  /** The newest offset that was received, and the newest that was read. */
  private received = 0;
  private newest = 0;
  private isInterrupted = false;

  constructor(private readonly room: RoomId) {}

  entries(epoch: number, { entries }: Run): void {
    if (epoch !== this.epoch) this.begin(epoch);
    for (const entry of entries) {
      if (entry.offset <= this.received) this.repeated++;
      if (entry.offset > this.received + 1 && !this.isInterrupted) this.holes++;
      this.isInterrupted = false;
      this.received = entry.offset;
      this.take(epoch, entry);
    }
    for (const room of rooms.values()) room.look();
    this.compare(entries.at(-1));
  }

  interrupted(): void {
    this.isInterrupted = true;
    const { epoch, run } = now(read().log.readForward(this.room, 0, { maxEntries: 1e6, maxBytes: 1e9 }));
    for (const entry of run.entries) this.take(epoch, entry);
    tellParent({ interrupted: this.room });
  }

  erased(): void {
    // What was received stays what it was.
  }

  signal(): void {
    // Signals do not travel here.
  }

  presence(): void {
    // Members do not either.
  }

  private begin(epoch: number): void {
    this.epoch = epoch;
    this.received = 0;
    this.newest = 0;
  }

  private take(epoch: number, entry: LogEntry): void {
    const key = `${epoch}:${entry.offset}`;
    if (!this.known.has(key)) this.seen.push(seenFrom(epoch, entry));
    this.known.add(key);
  }

  /** The room has what was received, and never goes back. */
  private look(): void {
    const { epoch, newest } = now(read().log.state(this.room));
    if (epoch !== this.epoch) return;
    if (newest < Math.max(this.received, this.newest))
      this.problems.push(`at ${newest} after ${this.received} was received and ${this.newest} was read`);
    this.newest = newest;
  }

  /** What was received can be read in the same moment. */
  private compare(received: LogEntry | undefined): void {
    if (!received || received.offset % 16 !== 0) return;
    const { epoch, run } = now(read().log.readBackward(this.room, received.offset + 1, { maxEntries: 1, maxBytes: 1 }));
    const [entry] = run.entries;
    if (epoch === this.epoch && entry && Buffer.compare(entry.body, received.body) !== 0)
      this.problems.push(`another message at ${received.offset} than was received`);
  }
}

/** The embedded engine answers at once. */
function now<T>(value: T | Promise<T>): T {
  if (value instanceof Promise) throw new Error("an answer that comes later");
  return value;
}

answerParent({
  open: async (folder: string) => {
    reader = await openLogReader(folder);
  },
  follow: (names: readonly string[]) => {
    for (const name of names) {
      const room = new FollowedRoom(name as RoomId);
      rooms.set(name, room);
      read().watch(name as RoomId, room);
      room.interrupted();
    }
  },
  caughtUp: () => read().caughtUp(),
  seen: () => Object.fromEntries([...rooms].map(([name, { seen }]) => [name, seen])),
  faults: () => [...rooms].map(([name, { repeated, holes, problems }]) => ({ name, repeated, holes, problems })),
  count: () => [...rooms.values()].reduce((sum, { seen }) => sum + seen.length, 0),
  read: () => readRooms(read().log),
  trouble: () => read().trouble(),
  /** End in the middle of a read, with its snapshot held. */
  dieReading: () => {
    now(read().log.list("", "", 1));
    process.kill(process.pid, "SIGKILL");
  },
  /** Stop in the middle of a read, with its snapshot held. */
  stopReading: () => {
    now(read().log.list("", "", 1));
    process.kill(process.pid, "SIGSTOP");
  },
  close: () => read().close(),
});
