import { ErrorCode, FrameType, max31Bit } from "./frame.js";
import type { Session } from "./session.js";

/** Content of the PING that follows the first GOAWAY; keep-alive PINGs have other content. */
export const drainPing = Buffer.from("draining");

/**
 * Ask the client to go elsewhere and finish what it has under way (RFC 9113 §6.8). Two steps: the first GOAWAY excludes
 * no stream, as requests may be on their way to us; when the client has answered the PING behind it, or time is up, the
 * second one names the last stream that is served.
 */
export function beginDrain(session: Session): void {
  if (session.phase !== "open") return;
  session.phase = "draining";
  session.goAway(max31Bit, ErrorCode.NO_ERROR, "");
  session.output.frame(FrameType.PING, 0, 0, drainPing);
}

/** The second step; does nothing in any other phase, or a second time. */
export function finishDrain(session: Session): void {
  if (session.phase !== "draining" || session.lastAcceptedStreamId !== max31Bit) return;
  session.lastAcceptedStreamId = session.lastStreamId;
  session.goAway(session.lastStreamId, ErrorCode.NO_ERROR, "");
}
