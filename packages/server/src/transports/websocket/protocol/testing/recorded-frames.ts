import type { ConfabError } from "@confab/contract/errors";
import { type FrameListener, FrameReader } from "../frame-reader.js";

/** What a reader told its listener, payloads as copies. */
export type FrameEvent =
  | readonly ["text" | "binary" | "ping" | "pong", Buffer]
  | readonly ["closed", number, string]
  | readonly ["failed", number, ConfabError["code"]];

/** A listener that writes everything down. */
export class FrameRecorder implements FrameListener {
  readonly events: FrameEvent[] = [];
  text(payload: Buffer): void {
    this.events.push(["text", Buffer.from(payload)]);
  }
  binary(payload: Buffer): void {
    this.events.push(["binary", Buffer.from(payload)]);
  }
  ping(payload: Buffer): void {
    this.events.push(["ping", Buffer.from(payload)]);
  }
  pong(payload: Buffer): void {
    this.events.push(["pong", Buffer.from(payload)]);
  }
  emptyFragment(): void {
    // Nothing that a message would lack.
  }
  closed(code: number, reason: string): void {
    this.events.push(["closed", code, reason]);
  }
  failed(code: number, error: ConfabError): void {
    this.events.push(["failed", code, error.code]);
  }
}

/** Read copies of `chunks` with a fresh reader. */
export function recordFrames(chunks: readonly Uint8Array[], maxMessageBytes = 65_536): readonly FrameEvent[] {
  const recorder = new FrameRecorder();
  const reader = new FrameReader(recorder, maxMessageBytes);
  for (const chunk of chunks) reader.push(Buffer.from(chunk));
  return recorder.events;
}

/** The bytes, one to a chunk. */
export function singleBytes(bytes: Uint8Array): readonly Buffer[] {
  return Array.from(bytes, (byte) => Buffer.from([byte]));
}
