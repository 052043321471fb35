import { ConnectionError, ErrorCode, Flag } from "./frame.js";
import type { Session } from "./session.js";
import { unpadded } from "./unpadded.js";

/**
 * DATA (RFC 9113 §6.1). Its whole payload, padding included, counts against both windows, and against the connection's
 * even when its stream is gone.
 */
export function receiveData(
  session: Session,
  flags: number,
  streamId: number,
  bytes: Buffer,
  start: number,
  end: number,
): void {
  const counted = end - start;
  if (streamId === 0) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "DATA on stream 0");
  let from = start;
  let to = end;
  if (flags & Flag.PADDED) {
    to = unpadded(bytes, start, end);
    from += 1;
  }
  if (!session.window.take(counted))
    throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "more DATA than the connection's window");
  const isLast = (flags & Flag.END_STREAM) !== 0;
  if (from === to && !isLast) session.countControlFrame();

  const stream = session.streams.get(streamId);
  if (stream === undefined) {
    session.consumedOnConnection(counted);
    return receiveStray(session, streamId);
  }
  if (stream.isRequestEnded) {
    session.consumedOnConnection(counted);
    return session.failStream(stream, ErrorCode.STREAM_CLOSED);
  }
  if (!stream.window.take(counted)) {
    session.consumedOnConnection(counted);
    return session.failStream(stream, ErrorCode.FLOW_CONTROL_ERROR);
  }
  const padding = counted - (to - from);
  if (padding > 0) session.consumed(stream, padding);
  if (stream.receive(bytes.subarray(from, to), isLast)) return;
  session.consumedOnConnection(to - from);
  session.failStream(stream, ErrorCode.PROTOCOL_ERROR);
}

/** DATA on a stream that is not open. */
function receiveStray(session: Session, streamId: number): void {
  if (streamId > session.lastAcceptedStreamId) return;
  if (streamId > session.lastStreamId || (streamId & 1) === 0) {
    throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `DATA on stream ${streamId}, which was never opened`);
  }
  // On its way when we reset the stream: the client could not know.
  if (session.closedStreams.wasResetByUs(streamId)) return;
  session.refuse(streamId, ErrorCode.STREAM_CLOSED);
}
