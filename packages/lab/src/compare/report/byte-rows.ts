import type { ByteFigures, WireBytes } from "../measure/bytes.js";

/** Bytes on the wire of one step, by what they are. Payload is the user's own message; other fields are the room, the id,
 *  the position, the time, and the acknowledgement. */
export interface ByteRow {
  readonly step: ByteStep;
  readonly label: string;
  readonly upBytes: number;
  readonly downBytes: number;
  readonly payloadBytes: number;
  readonly fieldBytes: number;
  readonly framingBytes: number;
  readonly headBytes: number;
  /** 0 in the clear. */
  readonly tlsBytes: number;
}

export type ByteStep = "setUp" | "firstSend" | "send" | "compressedSend" | "firstReceive" | "receive";

/** The steps that were counted; `payloadBytes` is the message alone, in the contender's own codec. */
export function byteRows(bytes: ByteFigures, payloadBytes: number): readonly ByteRow[] {
  const row = (step: ByteStep, label: string, wire: WireBytes, payload: number): ByteRow => ({
    step,
    label,
    upBytes: wire.upBytes,
    downBytes: wire.downBytes,
    payloadBytes: payload,
    fieldBytes: wire.bodyBytes - payload,
    framingBytes: wire.framingBytes,
    headBytes: wire.headBytes,
    tlsBytes: wire.tlsBytes,
  });
  const { compressedSend } = bytes;
  return [
    row("setUp", "set up a reader", bytes.readerSetUp, 0),
    row("firstSend", "send the first", bytes.firstSend, payloadBytes),
    row("send", "send one", bytes.steadySend, payloadBytes),
    // What is compressed is one: how much of it is the message cannot be told.
    ...(compressedSend === undefined ? [] : [row("compressedSend", "send one as gzip", compressedSend, 0)]),
    row("firstReceive", "receive the first", bytes.firstReceive, payloadBytes),
    row("receive", "receive one", bytes.steadyReceive, payloadBytes),
  ];
}

export function totalBytes({ upBytes, downBytes }: ByteRow): number {
  return upBytes + downBytes;
}
