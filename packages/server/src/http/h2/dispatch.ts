import { ConnectionError, ErrorCode, FrameType } from "./frame.js";
import type { FrameSink } from "./frame-reader.js";
import {
  receiveGoAway,
  receivePing,
  receivePriority,
  receiveReset,
  receiveSettings,
  receiveWindowUpdate,
} from "./receive-control.js";
import { receiveData } from "./receive-data.js";
import { receiveContinuation, receiveHeaders } from "./receive-headers.js";
import type { Session } from "./session.js";

/** Gives each frame to what handles its type, after the rules that concern the order of frames. */
export class FrameDispatcher implements FrameSink {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  get isReading(): boolean {
    return this.#session.isReading;
  }

  frame(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    const session = this.#session;
    session.progress += 1;
    if (!session.hasSettings) {
      if (type !== FrameType.SETTINGS)
        throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "the first frame is not SETTINGS");
      session.hasSettings = true;
    }
    if (session.openBlock !== undefined && type !== FrameType.CONTINUATION) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "a frame within a header block");
    }
    switch (type) {
      case FrameType.DATA:
        return receiveData(session, flags, streamId, bytes, start, end);
      case FrameType.HEADERS:
        return receiveHeaders(session, flags, streamId, bytes, start, end);
      case FrameType.PRIORITY:
        return receivePriority(session, streamId, bytes, start, end);
      case FrameType.RST_STREAM:
        return receiveReset(session, streamId, start, end);
      case FrameType.SETTINGS:
        return receiveSettings(session, flags, streamId, bytes, start, end);
      case FrameType.PUSH_PROMISE:
        throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "PUSH_PROMISE from a client");
      case FrameType.PING:
        return receivePing(session, flags, streamId, bytes, start, end);
      case FrameType.GOAWAY:
        return receiveGoAway(streamId, start, end);
      case FrameType.WINDOW_UPDATE:
        return receiveWindowUpdate(session, streamId, bytes, start, end);
      case FrameType.CONTINUATION:
        return receiveContinuation(session, flags, streamId, bytes, start, end);
      default:
        // Unknown types are ignored (RFC 9113 §4.1), but not without end.
        return session.countControlFrame();
    }
  }
}
