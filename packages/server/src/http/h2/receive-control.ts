import { drainPing, finishDrain } from "./drain.js";
import { windowOverflow } from "./flow-control.js";
import { ConnectionError, ErrorCode, Flag, FrameType, max31Bit, readUint31 } from "./frame.js";
import { dependsOnItself, priorityBytes } from "./receive-headers.js";
import type { Session } from "./session.js";
import { readSettings, settingBytes } from "./settings.js";

/** A frame of ours may carry this much even if the peer takes 16 MiB: streams take turns frame by frame. */
const largestSentFrameBytes = 64 * 1024;

export function receiveSettings(
  session: Session,
  flags: number,
  streamId: number,
  bytes: Buffer,
  start: number,
  end: number,
): void {
  const length = end - start;
  if (streamId !== 0) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "SETTINGS on a stream");
  if (flags & Flag.ACK) {
    if (length !== 0) throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "a SETTINGS acknowledgement with content");
    session.isSettingsAcked = true;
    session.countControlFrame();
    return;
  }
  if (length % settingBytes !== 0) throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `SETTINGS of ${length} bytes`);
  session.countControlFrame();
  const settings = readSettings(bytes, start, end);
  const { sender } = session;
  if (settings.isTableReduced) sender.owesTableUpdate = true;
  if (settings.maxFrameBytes !== undefined)
    sender.maxFrameBytes = Math.min(settings.maxFrameBytes, largestSentFrameBytes);
  if (settings.initialWindowBytes !== undefined) changeInitialWindow(session, settings.initialWindowBytes);
  session.guard.countAnswer();
  session.output.frame(FrameType.SETTINGS, Flag.ACK, 0, noBytes);
}

/** Windows of open streams move by the difference and may become negative (RFC 9113 §6.9.2). */
function changeInitialWindow(session: Session, windowBytes: number): void {
  const difference = windowBytes - session.sender.initialStreamWindowBytes;
  session.sender.initialStreamWindowBytes = windowBytes;
  for (const stream of session.streams.values()) {
    if (!session.sender.widenStream(stream, difference)) throw windowOverflow();
  }
}

export function receivePing(
  session: Session,
  flags: number,
  streamId: number,
  bytes: Buffer,
  start: number,
  end: number,
): void {
  if (streamId !== 0) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "PING on a stream");
  if (end - start !== 8) throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `PING of ${end - start} bytes`);
  if (flags & Flag.ACK) {
    session.countControlFrame();
    if (bytes.compare(drainPing, 0, drainPing.length, start, end) === 0) finishDrain(session);
    return;
  }
  session.countControlFrame();
  session.guard.countAnswer();
  session.output.frame(FrameType.PING, Flag.ACK, 0, bytes, start, end);
}

export function receiveWindowUpdate(
  session: Session,
  streamId: number,
  bytes: Buffer,
  start: number,
  end: number,
): void {
  if (end - start !== 4) throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `WINDOW_UPDATE of ${end - start} bytes`);
  session.countControlFrame();
  const increment = readUint31(bytes, start);
  if (streamId === 0) {
    if (increment === 0) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "a window increment of 0");
    session.sender.widenConnection(increment);
  } else {
    requireKnown(session, streamId, "WINDOW_UPDATE");
    const stream = session.streams.get(streamId);
    if (stream === undefined) return;
    stream.isQuiet = false;
    if (increment === 0) return session.failStream(stream, ErrorCode.PROTOCOL_ERROR);
    if (!session.sender.widenStream(stream, increment)) return session.failStream(stream, ErrorCode.FLOW_CONTROL_ERROR);
  }
  if (session.sender.canPump) session.wake();
}

export function receiveReset(session: Session, streamId: number, start: number, end: number): void {
  if (end - start !== 4) throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `RST_STREAM of ${end - start} bytes`);
  requireKnown(session, streamId, "RST_STREAM");
  const stream = session.streams.get(streamId);
  if (stream === undefined) return;
  const { hasResponded } = stream;
  session.abort(stream);
  if (!hasResponded) session.countReset();
}

/** Priorities are obsolete (RFC 9113 §5.3.2): checked, counted and ignored, also on streams that are not open. */
export function receivePriority(session: Session, streamId: number, bytes: Buffer, start: number, end: number): void {
  if (streamId === 0) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "PRIORITY on stream 0");
  session.countControlFrame();
  if (end - start !== priorityBytes) return session.rejectFrame(streamId, ErrorCode.FRAME_SIZE_ERROR);
  if (dependsOnItself(bytes, start, streamId)) session.rejectFrame(streamId, ErrorCode.PROTOCOL_ERROR);
}

/** The client goes away: it opens no more streams, those that are open finish. */
export function receiveGoAway(streamId: number, start: number, end: number): void {
  if (streamId !== 0) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "GOAWAY on a stream");
  if (end - start < 8) throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `GOAWAY of ${end - start} bytes`);
}

/** A frame for a stream that nobody has opened is an error; for one that has ended it is merely late. */
function requireKnown(session: Session, streamId: number, frame: string): void {
  if (streamId > session.lastAcceptedStreamId) return;
  if (streamId === 0 || streamId > session.lastStreamId || (streamId & 1) === 0) {
    throw new ConnectionError(
      ErrorCode.PROTOCOL_ERROR,
      `${frame} on stream ${streamId & max31Bit}, which was never opened`,
    );
  }
}

const noBytes = new Uint8Array(0);
