import type { EarlierEpoch } from "../../core/index.js";

/** What the store knows of one room. It outlives the room's messages, so that a position stays good when all are trimmed. */
export interface RoomRecord {
  /** Stands for the room's name in keys; never used again for another room. */
  readonly number: number;
  readonly epoch: number;
  /** Epochs that the room had before. */
  readonly lineage?: readonly EarlierEpoch[] | undefined;
  oldest: number;
  newest: number;
  /** Bytes of the bodies in the log now. */
  bytes: number;
  /** Changes of messages that were appended; undefined: none. */
  changes?: number;
  /** Of them, those that are not in the log any more; undefined: none. */
  trimmedChanges?: number;
}

/** A record as it was stored. Since then all rooms may have got other epochs: see room-epochs.ts. */
export interface StoredRoom extends Omit<RoomRecord, "epoch" | "lineage"> {
  /** Undefined: the log's, as most rooms had it up to format 3. */
  readonly epoch: number | undefined;
  readonly lineage: readonly EarlierEpoch[];
  /** How many times all rooms had got another epoch by then. */
  readonly renewals: number;
}

/*
 *     number u32 | oldest f64 | newest f64 | bytes f64 [ | epoch u32 [ | renewals u32 | (earlier epoch u32 | top f64)* [ | changes u48 | trimmed changes u40 ] ]]
 *
 * Up to format 3 without the epoch, if it is the log's. Without the rest: no renewals, and no earlier epochs. The counts are
 * shorter than an earlier epoch, so that a version which does not know them reads the rest.
 */
const recordBytes = 28;
const epochEnd = recordBytes + 4;
const lineageStart = epochEnd + 4;
const earlierBytes = 12;
const changesBytes = 6;
const countsBytes = changesBytes + 5;

/** `renewals`: how many times all rooms have got another epoch. */
export function encodeRoomRecord({ lineage = [], ...record }: RoomRecord, renewals: number): Buffer {
  const { changes = 0, trimmedChanges = 0 } = record;
  const hasRenewals = renewals > 0 || lineage.length > 0 || changes > 0;
  const lineageEnd = lineageStart + lineage.length * earlierBytes;
  const bytes = Buffer.allocUnsafe(hasRenewals ? lineageEnd + (changes > 0 ? countsBytes : 0) : epochEnd);
  bytes.writeUInt32BE(record.number, 0);
  bytes.writeDoubleBE(record.oldest, 4);
  bytes.writeDoubleBE(record.newest, 12);
  bytes.writeDoubleBE(record.bytes, 20);
  bytes.writeUInt32BE(record.epoch, recordBytes);
  if (!hasRenewals) return bytes;
  bytes.writeUInt32BE(renewals, epochEnd);
  for (const [index, { epoch, top }] of lineage.entries()) {
    const at = lineageStart + index * earlierBytes;
    bytes.writeUInt32BE(epoch, at);
    bytes.writeDoubleBE(top, at + 4);
  }
  if (changes > 0) {
    bytes.writeUIntBE(changes, lineageEnd, changesBytes);
    bytes.writeUIntBE(trimmedChanges, lineageEnd + changesBytes, countsBytes - changesBytes);
  }
  return bytes;
}

export function decodeRoomRecord(bytes: Uint8Array): StoredRoom {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const lineage: EarlierEpoch[] = [];
  let at = lineageStart;
  for (; at + earlierBytes <= view.length; at += earlierBytes)
    lineage.push({ epoch: view.readUInt32BE(at), top: view.readDoubleBE(at + 4) });
  const hasCounts = at + countsBytes === view.length;
  return {
    number: view.readUInt32BE(0),
    oldest: view.readDoubleBE(4),
    newest: view.readDoubleBE(12),
    bytes: view.readDoubleBE(20),
    epoch: view.length >= epochEnd ? view.readUInt32BE(recordBytes) : undefined,
    renewals: view.length >= lineageStart ? view.readUInt32BE(epochEnd) : 0,
    lineage,
    ...(hasCounts && {
      changes: view.readUIntBE(at, changesBytes),
      trimmedChanges: view.readUIntBE(at + changesBytes, countsBytes - changesBytes),
    }),
  };
}
