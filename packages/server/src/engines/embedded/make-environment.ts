import { randomUUID } from "node:crypto";
import { closeSync, fsyncSync, openSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { open, type RootDatabase } from "lmdb";
import { flushFolder, lockFileOf, prepareFile } from "./data-folder.js";

/**
 * Make an LMDB environment that is whole or not there, also when the power fails meanwhile: under another name first. LMDB
 * makes a file in place, and a part of its first two pages would keep every later start from opening it.
 */
export async function makeEnvironment(
  path: string,
  fill: (root: RootDatabase<Buffer, Buffer>) => Promise<void>,
): Promise<void> {
  const fresh = `${path}.${randomUUID()}.new`;
  for (const file of [fresh, lockFileOf(fresh)]) prepareFile(file);
  proveSpace(fresh);
  const root = open<Buffer, Buffer>({
    path: fresh,
    maxDbs: 8,
    eventTurnBatching: false,
    overlappingSync: false,
    encoding: "binary",
    keyEncoding: "binary",
  });
  try {
    await fill(root);
  } finally {
    await root.close();
    rmSync(lockFileOf(fresh));
  }
  flushFile(fresh);
  renameSync(fresh, path);
  flushFolder(dirname(path));
}

/** More than LMDB needs for a new environment, in bytes. On a full disk its binding ends the process (lmdb 3.5.6). */
const neededBytes = 131_072;

function proveSpace(path: string): void {
  try {
    writeFileSync(path, Buffer.alloc(neededBytes, 1), { flush: true });
  } catch (failure) {
    for (const file of [path, lockFileOf(path)]) rmSync(file, { force: true });
    throw failure;
  }
  truncateSync(path, 0);
}

function flushFile(path: string): void {
  const file = openSync(path, "r+");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
