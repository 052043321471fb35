import { headersTooLarge, readHeaderFactor } from "../header-size.js";
import { ConnectionError, ErrorCode, Flag, max31Bit } from "./frame.js";
import { OpenHeaderBlock } from "./header-block.js";
import { areTrailersValid, type ReceivedHead, requestHeadFrom } from "./request-head.js";
import type { Session } from "./session.js";
import { Http2Stream } from "./stream.js";
import { unpadded } from "./unpadded.js";

/**
 * HEADERS (RFC 9113 §6.2):
 *
 *    [pad length: 1] [priority: 5, obsolete, skipped] fragment of the header block … [padding]
 */
export function receiveHeaders(
  session: Session,
  flags: number,
  streamId: number,
  bytes: Buffer,
  start: number,
  end: number,
): void {
  if ((streamId & 1) === 0) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `HEADERS on stream ${streamId}`);
  let from = start;
  let to = end;
  if (flags & Flag.PADDED) {
    to = unpadded(bytes, start, end);
    from += 1;
  }
  if (flags & Flag.PRIORITY) {
    from += priorityBytes;
    if (from > to) throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "HEADERS too short for its priority");
    if (dependsOnItself(bytes, from - priorityBytes, streamId)) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "a stream that depends on itself");
    }
  }
  const isStreamEnd = (flags & Flag.END_STREAM) !== 0;
  if (flags & Flag.END_HEADERS) return receiveBlock(session, streamId, isStreamEnd, bytes, from, to);
  session.openBlock = new OpenHeaderBlock(
    streamId,
    isStreamEnd,
    bytes.subarray(from, to),
    session.options.maxHeaderBytes * readHeaderFactor,
  );
}

export function receiveContinuation(
  session: Session,
  flags: number,
  streamId: number,
  bytes: Buffer,
  start: number,
  end: number,
): void {
  const block = session.openBlock;
  if (block === undefined || block.streamId !== streamId) {
    throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "CONTINUATION without HEADERS before it");
  }
  if (start === end) session.countControlFrame();
  block.append(bytes.subarray(start, end));
  if (!(flags & Flag.END_HEADERS)) return;
  session.openBlock = undefined;
  receiveBlock(session, streamId, block.isStreamEnd, block.bytes, 0, block.bytes.length);
}

/** The priority fields of HEADERS: a stream to depend on, and a weight. */
export const priorityBytes = 5;

export function dependsOnItself(bytes: Buffer, at: number, streamId: number): boolean {
  return (bytes.readUInt32BE(at) & max31Bit) === streamId;
}

function receiveBlock(
  session: Session,
  streamId: number,
  isStreamEnd: boolean,
  bytes: Buffer,
  start: number,
  end: number,
): void {
  if (streamId <= session.lastStreamId) return receiveTrailers(session, streamId, isStreamEnd, bytes, start, end);
  const head = decodeHead(session, bytes, start, end);
  // Told to go away, the client may have sent this before it knew; it will try elsewhere (RFC 9113 §6.8).
  if (streamId > session.lastAcceptedStreamId) return session.countControlFrame();
  session.lastStreamId = streamId;
  if (head === undefined) return session.refuse(streamId, ErrorCode.PROTOCOL_ERROR);
  if (head.request.refusal !== undefined) session.countReset(1 + Math.floor((end - start) / largeHeadUnitBytes));
  if (head.refusalStatus !== 0) return refuseWith(session, streamId, head.refusalStatus, isStreamEnd);
  if (isStreamEnd && head.contentLength > 0) return session.refuse(streamId, ErrorCode.PROTOCOL_ERROR);
  if (session.streams.size >= session.options.maxStreams) return session.refuse(streamId, ErrorCode.REFUSED_STREAM);
  openStream(session, streamId, isStreamEnd, head);
}

function openStream(session: Session, streamId: number, isStreamEnd: boolean, head: ReceivedHead): void {
  const stream = new Http2Stream(streamId, head, session);
  session.streams.set(streamId, stream);
  // The body's window is bounded anyway, so a client that asks is always told to go on (RFC 9110 §10.1.1).
  if (head.expectsContinue && !isStreamEnd && head.request.refusal === undefined)
    session.sender.head(streamId, 100, noFields, 0);
  session.onExchange(stream);
  if (isStreamEnd) stream.receive(noBytes, true);
}

/** Undefined: the request is malformed. */
function decodeHead(session: Session, bytes: Buffer, start: number, end: number): ReceivedHead | undefined {
  const { decoder, heads, options } = session;
  const version = decoder.tableVersion;
  const known = heads.find(bytes, start, end, version);
  if (known !== undefined) return known;
  const fields = decoder.decode(bytes, start, end);
  const refusal = decoder.isListTooLarge ? headersTooLarge(options.maxHeaderBytes) : undefined;
  const head = requestHeadFrom(fields, options, refusal);
  if (head !== undefined && decoder.tableVersion === version) heads.add(bytes, start, end, version, head);
  return head;
}

/** HEADERS on a stream that exists or existed: trailers, or a mistake. The block is decoded in any case. */
function receiveTrailers(
  session: Session,
  streamId: number,
  isStreamEnd: boolean,
  bytes: Buffer,
  start: number,
  end: number,
): void {
  const fields = session.decoder.decode(bytes, start, end);
  const stream = session.streams.get(streamId);
  if (stream === undefined) {
    if (session.closedStreams.wasResetByUs(streamId)) return;
    const wasOpen = session.closedStreams.has(streamId);
    throw new ConnectionError(
      wasOpen ? ErrorCode.STREAM_CLOSED : ErrorCode.PROTOCOL_ERROR,
      `HEADERS on stream ${streamId}, which is not open`,
    );
  }
  if (stream.isRequestEnded) return session.failStream(stream, ErrorCode.STREAM_CLOSED);
  const isValid = isStreamEnd && !session.decoder.isListTooLarge && areTrailersValid(fields);
  if (!isValid || !stream.receive(noBytes, true)) session.failStream(stream, ErrorCode.PROTOCOL_ERROR);
}

/** Answer a request that nobody will be asked to answer. */
function refuseWith(session: Session, streamId: number, status: number, isStreamEnd: boolean): void {
  session.sender.head(streamId, status, noFields, Flag.END_STREAM);
  if (isStreamEnd) return session.closedStreams.add(streamId, false);
  session.refuse(streamId, ErrorCode.NO_ERROR);
}

/** A block that is too large counts as one more reset for each of these: decoding takes time for each of its bytes. */
const largeHeadUnitBytes = 4096;
const noFields = Object.freeze({});
const noBytes = new Uint8Array(0);
