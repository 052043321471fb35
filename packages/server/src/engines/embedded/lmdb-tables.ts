import type { Database, RootDatabase } from "lmdb";

/** How all tables of a log are opened. */
export const binary = { encoding: "binary", keyEncoding: "binary" } as const;

export type LogTable = Database<Buffer, Buffer>;

/** A process in LMDB's table of readers. */
export interface LmdbReader {
  /** In its own PID namespace. */
  readonly pid: number;
  /** Which state it sees now; undefined: none. */
  readonly transaction: number | undefined;
}

export function readersOf(root: Pick<RootDatabase, "readerList">): LmdbReader[] {
  // A line of text for each: process id, thread, transaction or "-" (mdb.c, mdb_reader_list).
  return [...root.readerList().matchAll(/^ *(\d+) +[0-9a-f]+ +(\d+|-)$/gm)].map(([, pid, transaction]) => ({
    pid: Number(pid),
    transaction: transaction === "-" ? undefined : Number(transaction),
  }));
}
