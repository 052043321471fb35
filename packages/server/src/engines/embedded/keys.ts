// The layout of the LMDB keys: big-endian, so that their byte order is their numeric order.
//
//   entries  ┌ room number: u32 ┐┌ offset: u48 ┐                        → encoded body
//   ids      ┌ bucket: u32 ┐┌ room number: u32 ┐┌ dedupe key: UTF-8 ┐   → offset f64, sent at f64
//            ┌ bucket: u32 ┐                                            → when the bucket began, of the log's time: f64
//   meta     "format", "epoch"; "time" (kept-clock.ts); "rooms" (new-rooms.ts)
//   rooms    ┌ room name: ASCII ┐                                       → room record (room-record.ts)

const offsetBytes = 6;
const roomNumberBytes = 4;

/** Offsets have 48 bits in a key: at a million messages a second, one room lasts nine years. */
export const maxOffset = 2 ** 48 - 1;

export function entryKey(roomNumber: number, offset: number): Buffer {
  const key = Buffer.allocUnsafe(roomNumberBytes + offsetBytes);
  key.writeUInt32BE(roomNumber, 0);
  writeOffset(key, offset);
  return key;
}

/** Make an entry's key the one of another entry of its room. */
export function writeOffset(key: Buffer, offset: number): void {
  key.writeUIntBE(offset, roomNumberBytes, offsetBytes);
}

export function offsetFromEntryKey(key: Uint8Array): number {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).readUIntBE(roomNumberBytes, offsetBytes);
}

export function idKey(bucket: number, roomNumber: number, dedupeKey: string): Buffer {
  const text = Buffer.from(dedupeKey);
  const key = Buffer.allocUnsafe(8 + text.length);
  key.writeUInt32BE(bucket, 0);
  key.writeUInt32BE(roomNumber, 4);
  text.copy(key, 8);
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
