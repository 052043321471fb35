import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { flushFolder, folderFiles, isCode, prepareFile } from "./data-folder.js";

/** What the marker says: that a log was made in this folder, and which one. So a log that vanished is not replaced by an empty one. */
export interface LogMarker {
  readonly epoch: number;
}

/** Undefined: no log was ever made here, or by a version that made no marker. @throws Error: it cannot be understood. */
export function readMarker(folder: string): LogMarker | undefined {
  const path = join(folder, folderFiles.marker);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (isCode(error, "ENOENT")) return undefined;
    throw error;
  }
  const epoch = /^\{"epoch":(\d+)\}\n$/.exec(text)?.[1];
  if (epoch === undefined) throw new Error(`${path} is damaged; restore it, or remove it if log.mdb is the right log`);
  return { epoch: Number(epoch) };
}

/** Durable when it returns, with all names in the folder: the log's own, too. */
export function writeMarker(folder: string, { epoch }: LogMarker): void {
  const path = join(folder, folderFiles.marker);
  writeFlushed(`${path}.new`, `{"epoch":${epoch}}\n`);
  renameSync(`${path}.new`, path);
  flushFolder(folder);
}

/**
 * Whether the log was closed in order and not changed since then, so that it need not be checked. Takes that back, durably:
 * it is open now.
 */
export function takeClosed(folder: string): boolean {
  const path = join(folder, folderFiles.closed);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (isCode(error, "ENOENT")) return false;
    throw error;
  }
  rmSync(path);
  flushFolder(folder);
  return text === fingerprintOf(folder);
}

/** Say that the log is closed, once all of it is on the disk. */
export function sayClosed(folder: string): void {
  flushLog(folder);
  const path = join(folder, folderFiles.closed);
  prepareFile(path);
  writeFileSync(path, fingerprintOf(folder));
}

/** Flush what was written to the log, whatever its durability is. */
export function flushLog(folder: string): void {
  const log = openSync(join(folder, folderFiles.log), "r+");
  try {
    fsyncSync(log);
  } finally {
    closeSync(log);
  }
}

function fingerprintOf(folder: string): string {
  const { size, mtimeNs } = statSync(join(folder, folderFiles.log), { bigint: true });
  return `${size} bytes, changed at ${mtimeNs}\n`;
}

function writeFlushed(path: string, text: string): void {
  prepareFile(path);
  const file = openSync(path, "w");
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
