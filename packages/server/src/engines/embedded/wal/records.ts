import { crc32 } from "node:zlib";

/*
 * A file of the write-ahead log: its header, and records without gaps. Numbers are big-endian.
 *
 *     magic u32 | epoch u32 | key (8 bytes) | crc32 of the above | 12 zeros
 *     (magic u32 | epoch u32 | turn u32 | sequence f64 | length u32 | crc32 of the content | key | crc32 of the above | content)*
 *
 * The file is written again from its beginning at each turn, so records of an earlier turn may follow those of the last one.
 * Contents are what clients send. The key is random and never leaves the server, so no content can be taken for a record.
 */

const fileMagic = 0xc0_4f_ab_00;
export const fileHeaderBytes = 32;
export const keyBytes = 8;

/** It is there before the first record is, so a file without it was damaged or is another one. */
export function fileHeaderOf(epoch: number, key: Buffer): Buffer {
  const header = Buffer.alloc(fileHeaderBytes);
  header.writeUInt32BE(fileMagic, 0);
  header.writeUInt32BE(epoch, 4);
  key.copy(header, 8);
  header.writeUInt32BE(crc32(header.subarray(0, 16)), 16);
  return header;
}

export function hasFileHeader(file: Buffer, epoch: number): boolean {
  return fileHeaderOf(epoch, keyOf(file)).equals(file.subarray(0, fileHeaderBytes));
}

function keyOf(file: Buffer): Buffer {
  return file.subarray(8, 8 + keyBytes);
}

/** The magic says whether a record was flushed before the next one was written. */
const magics = { flushed: 0xc0_4f_ab_01, unflushed: 0xc0_4f_ab_02 } as const;

export const headerBytes = 40;

export interface RecordPlace {
  /** Of the log, so that a record of another one is not taken for one of this. */
  readonly epoch: number;
  /** Rises by one each time that a file is begun again. */
  readonly turn: number;
  /** Rises by one with each record of the log. */
  readonly sequence: number;
}

interface Header extends RecordPlace {
  readonly isFlushed: boolean;
  readonly length: number;
  readonly contentSum: number;
}

/** `key`: of the file. */
export function headerOf(
  { epoch, turn, sequence }: RecordPlace,
  content: Uint8Array,
  key: Buffer,
  isFlushed: boolean,
): Buffer {
  const header = Buffer.allocUnsafe(headerBytes);
  header.writeUInt32BE(isFlushed ? magics.flushed : magics.unflushed, 0);
  header.writeUInt32BE(epoch, 4);
  header.writeUInt32BE(turn, 8);
  header.writeDoubleBE(sequence, 12);
  header.writeUInt32BE(content.length, 20);
  header.writeUInt32BE(crc32(content), 24);
  key.copy(header, 28);
  header.writeUInt32BE(crc32(header.subarray(0, 36)), 36);
  return header;
}

function headerAt(file: Buffer, at: number): Header | undefined {
  if (at + headerBytes > file.length) return undefined;
  const magic = file.readUInt32BE(at);
  if (magic !== magics.flushed && magic !== magics.unflushed) return undefined;
  if (!keyOf(file).equals(file.subarray(at + 28, at + 28 + keyBytes))) return undefined;
  if (file.readUInt32BE(at + 36) !== crc32(file.subarray(at, at + 36))) return undefined;
  return {
    isFlushed: magic === magics.flushed,
    epoch: file.readUInt32BE(at + 4),
    turn: file.readUInt32BE(at + 8),
    sequence: file.readDoubleBE(at + 12),
    length: file.readUInt32BE(at + 20),
    contentSum: file.readUInt32BE(at + 24),
  };
}

export interface WalRecord extends RecordPlace {
  /** A view of the file. */
  readonly content: Buffer;
}

/** What a file of the write-ahead log has. */
export interface FileRecords {
  /** Those of its last turn that are whole, in their order. What was being written when the power failed is not among them. */
  readonly records: readonly WalRecord[];
  /** The record with the highest number whose header is whole, of any turn, wherever it lies. */
  readonly newest: { readonly sequence: number; readonly isFlushed: boolean } | undefined;
}

export function recordsOf(file: Buffer, epoch: number): FileRecords {
  const records: WalRecord[] = [];
  let newest: Header | undefined;
  let at = fileHeaderBytes;
  for (;;) {
    const header = headerAt(file, at);
    const last = records.at(-1);
    const follows = !last || (header?.turn === last.turn && header.sequence === last.sequence + 1);
    if (header?.epoch !== epoch || !follows) break;
    newest = header;
    const content = file.subarray(at + headerBytes, at + headerBytes + header.length);
    if (content.length < header.length || crc32(content) !== header.contentSum) break;
    records.push({ epoch, turn: header.turn, sequence: header.sequence, content });
    at += headerBytes + header.length;
  }
  for (at = file.indexOf(magicStart, at); at >= 0; at = file.indexOf(magicStart, at + 1)) {
    const header = headerAt(file, at);
    if (header?.epoch === epoch && header.sequence > (newest?.sequence ?? 0)) newest = header;
  }
  return { records, newest };
}

/** The bytes that all magics begin with. */
const magicStart = Buffer.from([0xc0, 0x4f, 0xab]);
