/** What the store knows of one room. It outlives the room's messages, so that a position stays good when all are trimmed. */
export interface RoomRecord {
  /** Stands for the room's name in keys; never used again for another room. */
  readonly number: number;
  readonly epoch: number;
  oldest: number;
  newest: number;
  /** Bytes of the bodies in the log now. */
  bytes: number;
}

const recordBytes = 28;

/** An epoch is stored where it is not the log's, which is so once a room has gone away. */
export function encodeRoomRecord(record: RoomRecord, logEpoch: number): Buffer {
  const hasEpoch = record.epoch !== logEpoch;
  const bytes = Buffer.allocUnsafe(hasEpoch ? recordBytes + 4 : recordBytes);
  bytes.writeUInt32BE(record.number, 0);
  bytes.writeDoubleBE(record.oldest, 4);
  bytes.writeDoubleBE(record.newest, 12);
  bytes.writeDoubleBE(record.bytes, 20);
  if (hasEpoch) bytes.writeUInt32BE(record.epoch, recordBytes);
  return bytes;
}

export function decodeRoomRecord(bytes: Uint8Array, logEpoch: number): RoomRecord {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    number: view.readUInt32BE(0),
    oldest: view.readDoubleBE(4),
    newest: view.readDoubleBE(12),
    bytes: view.readDoubleBE(20),
    epoch: view.length > recordBytes ? view.readUInt32BE(recordBytes) : logEpoch,
  };
}
