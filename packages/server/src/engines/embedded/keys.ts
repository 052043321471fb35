// The layout of the LMDB keys: big-endian, so that their byte order is their numeric order.
//
//   blocks   ┌ room number: u32 ┐┌ last offset: u48 ┐                   → checksum u32, count u32, block (core/blocks.ts)
//   ids      ┌ bucket: u32 ┐┌ room number: u32 ┐┌ digest: 16 bytes ┐    → offset f64, sent at f64
//            ┌ bucket: u32 ┐                                            → when the bucket began, of the log's time: f64; then u8 1
//              A dedupe key has the name of a user in it, and LMDB may keep a key in its branch pages after the key was removed:
//              no scrub could reach it there. So it is a digest. Buckets of earlier versions have the key itself in UTF-8, and 8 bytes.
//   meta     "format", "epoch"; "time" (kept-clock.ts); "rooms", "shared" (new-rooms.ts); "renewals" (room-epochs.ts);
//            "converting" (open-store.ts); "applied", "wal" (wal-store.ts);
//            "scrub" (scrubbing.ts), "tidy" (log-scrub.ts);
//            "revoked …" (kept-revocations.ts), "kept …" (kept-retentions.ts), "stored …" (kept-outbox.ts);
//            "mark …", "marks…", "unmark…" (kept-marks.ts); "deleting …" (kept-deletions.ts)
//   rooms    ┌ room name: ASCII ┐                                       → room record (room-record.ts)
//   zeros    ┌ number: u32 ┐                                            → zeros, while there is a scrub (log-scrub.ts)

const offsetBytes = 6;
const roomNumberBytes = 4;

/** Offsets have 48 bits in a key: at a million messages a second, one room lasts nine years. */
export const maxOffset = 2 ** 48 - 1;

/** Of the block that ends with an offset. Larger offsets than there can be stand for the end of the room. */
export function blockKey(roomNumber: number, lastOffset: number): Buffer {
  const key = Buffer.allocUnsafe(roomNumberBytes + offsetBytes);
  key.writeUInt32BE(roomNumber, 0);
  key.writeUIntBE(Math.min(lastOffset, maxOffset), roomNumberBytes, offsetBytes);
  return key;
}

export function roomNumberOf(key: Buffer): number {
  return key.readUInt32BE(0);
}

export function lastOffsetOf(key: Buffer): number {
  return key.readUIntBE(roomNumberBytes, offsetBytes);
}

export function idKey(bucket: number, roomNumber: number, id: Uint8Array): Buffer {
  const key = Buffer.allocUnsafe(8 + id.length);
  key.writeUInt32BE(bucket, 0);
  key.writeUInt32BE(roomNumber, 4);
  key.set(id, 8);
  return key;
}

export function bucketOfIdKey(key: Uint8Array): number {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).readUInt32BE(0);
}

/** The key of the bucket itself, below all of its ids'. */
export function bucketStart(bucket: number): Buffer {
  const key = Buffer.allocUnsafe(4);
  key.writeUInt32BE(bucket, 0);
  return key;
}
