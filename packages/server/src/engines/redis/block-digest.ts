import { createHash } from "node:crypto";
import { digestedBytes } from "./scripts/room-record.js";

/** As `digestOf` of scripts/room-record.ts. */
export function blockDigest(block: Buffer): string {
  const tail = block.subarray(Math.max(0, block.length - digestedBytes));
  return `${createHash("sha1").update(tail).digest("hex")}${block.length}`;
}
