import { accessSync, constants } from "node:fs";
import { open, type RootDatabase } from "lmdb";
import type { ReadableLog, RoomId, RoomState } from "../../../core/index.js";
import { BlockTable } from "../block-table.js";
import { lockFileOf } from "../data-folder.js";
import { StoredLog } from "../embedded-log.js";
import { binary, type LogTable } from "../lmdb-tables.js";
import { troubleWithLogFile } from "../log-file.js";
import { NewRooms } from "../new-rooms.js";
import { RoomEpochs } from "../room-epochs.js";
import type { RoomRecord } from "../room-record.js";
import { stateOf } from "../room-table.js";
import type { EntryTable, Table } from "../store.js";
import type { Change } from "../wal/batch.js";
import { Overlay } from "../wal/overlay.js";
import { appliedIn } from "../wal/wal-marks.js";

/** Only the owner looks ids up. */
const noIds: Table = {
  get: () => undefined,
  put: () => undefined,
  remove: () => undefined,
  getKeys: () => [],
  getRange: () => [],
};

interface Tables {
  readonly entries: Pick<EntryTable, "forward" | "backward">;
  readonly rooms: Pick<Table, "get" | "getRange">;
  readonly meta: Pick<Table, "get" | "getKeys" | "getRange">;
}

/**
 * The log of another process: what LMDB has, and over it what its owner says is durable and not there yet.
 *
 * LMDB may be ahead of what was received from the owner, when this process is slow. Then LMDB alone counts, so that what is read
 * never goes back to an earlier state.
 */
export class LogView {
  readonly log: ReadableLog;
  private readonly overlay: Overlay;
  /** Which epochs records mean. */
  readonly epochs: RoomEpochs;
  private readonly below: Tables & { readonly entries: EntryTable; readonly rooms: Table; readonly meta: Table };
  /** The number of the last record that was received. */
  private sequence = 0;
  private isTaken = false;

  private constructor(
    private readonly root: RootDatabase<Buffer, Buffer>,
    readonly epoch: number,
  ) {
    const [blocks, rooms, meta] = ["blocks", "rooms", "meta"].map((name) => tableNamed(root, name)) as [
      LogTable,
      LogTable,
      LogTable,
    ];
    this.below = { entries: new BlockTable(blocks), rooms, meta };
    // An owner gives all rooms another epoch only before it lets others read.
    this.epochs = new RoomEpochs({ epoch, meta });
    this.overlay = new Overlay({
      ...this.below,
      ids: { ...noIds, dropBelow: () => undefined },
      rooms: uncounted(rooms),
    });
    const entries: EntryTable = {
      forward: (room, from) => this.tables.entries.forward(room, from),
      backward: (room, to) => this.tables.entries.backward(room, to),
      append: readOnly,
      drop: readOnly,
      clear: readOnly,
      rewrite: readOnly,
    };
    this.log = new StoredLog(
      { entries, failure: () => undefined },
      {
        get: (room) => this.recordOf(room),
        state: (room) => this.stateOf(room),
        list: (prefix, after, limit) => this.list(prefix, after, limit),
      },
    );
  }

  /** @throws Error: the file cannot be read. */
  static open(path: string, epoch: number): LogView {
    // LMDB's binding ends the process when it cannot open a file (lmdb 3.5.6).
    accessSync(path, constants.R_OK);
    accessSync(lockFileOf(path), constants.R_OK | constants.W_OK);
    const trouble = troubleWithLogFile(path);
    if (trouble !== undefined) throw new Error(`${path} cannot be read: ${trouble}`);
    const root = open<Buffer, Buffer>({ path, readOnly: true, maxDbs: 8, overlappingSync: false, ...binary });
    try {
      return new LogView(root, epoch);
    } catch (failure) {
      void root.close();
      throw failure;
    }
  }

  /** Changes that are durable. */
  apply(changes: readonly Change[]): void {
    this.overlay.apply(changes);
  }

  /** All changes were applied up to this record. */
  reach(sequence: number): void {
    this.sequence = sequence;
  }

  /** What was applied until now is being stored. @throws Error: something is already */
  take(): void {
    if (this.isTaken) throw new Error("the server stores two parts of its log at a time");
    this.isTaken = true;
    this.overlay.take();
  }

  /** What was taken is in LMDB. @throws Error: nothing was taken */
  stored(): void {
    if (!this.isTaken) throw new Error("the server has stored what it did not take");
    this.isTaken = false;
    // What was read last in this turn may be from before that.
    this.root.resetReadTxn();
    this.overlay.stored();
  }

  close(): Promise<void> {
    return this.root.close();
  }

  private get tables(): Tables {
    if (appliedIn(this.below) > this.sequence) return this.below;
    return { entries: this.overlay.entries, ...this.overlay.tables };
  }

  private recordOf(room: RoomId): RoomRecord | undefined {
    const bytes = this.tables.rooms.get(Buffer.from(room));
    return bytes && this.epochs.decode(room, bytes);
  }

  private stateOf(room: RoomId): RoomState {
    const record = this.recordOf(room);
    if (record) return stateOf(record);
    // It may have changed since the last look.
    const newRooms = new NewRooms({ epoch: this.epoch, meta: uncounted(this.tables.meta) }, () => 0);
    const lineage = newRooms.lineageOf(room);
    return stateOf({ epoch: newRooms.epochOf(room), ...(lineage.length > 0 && { lineage }), oldest: 1, newest: 0 });
  }

  private list(prefix: string, after: string, limit: number): { room: RoomId; state: RoomState }[] {
    const found: { room: RoomId; state: RoomState }[] = [];
    const start = Buffer.from(after > prefix ? after : prefix);
    for (const { key, value } of this.tables.rooms.getRange({ start })) {
      const room = key.toString("latin1") as RoomId;
      if (found.length === limit || !room.startsWith(prefix)) break;
      if (room !== after) found.push({ room, state: stateOf(this.epochs.decode(room, value)) });
    }
    return found;
  }
}

/** @throws Error: the log has no such table. */
function tableNamed(root: RootDatabase<Buffer, Buffer>, name: string): LogTable {
  const table: LogTable | undefined = root.openDB<Buffer, Buffer>({ name, ...binary });
  if (!table) throw new Error(`the log has no table ${name}`);
  return table;
}

function uncounted(table: Pick<Table, "get" | "getKeys" | "getRange">): Table & { count(): number } {
  return {
    get: (key) => table.get(key),
    getKeys: (range) => table.getKeys(range),
    getRange: (range) => table.getRange(range),
    put: readOnly,
    remove: readOnly,
    count: readOnly,
  };
}

function readOnly(): never {
  throw new Error("this process only reads the log");
}
