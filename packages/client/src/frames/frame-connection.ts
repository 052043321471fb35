import { ConfabError } from "@confab/contract";
import { bounded, type CallBounds, cancelled, whenAborted } from "../call-signal.js";
import { failureFrom } from "../client-fault.js";
import { networkFailure, sendLost } from "../network-failure.js";
import type { PayloadConverter } from "../payload.js";
import { withReconnectWindow } from "../reconnect-advice.js";
import { decodeReply } from "../wire/replies.js";
import { encodeClientFrame, type FrameBody, type WireFormat } from "../wire/requests.js";
import { type ServerEvent, serverFrameReply } from "../wire/server-frames.js";
import type { FrameChannel, OpenChannel } from "./channel.js";
import type { PrefixReader } from "./prefix-reader.js";
import type { RoomReader } from "./room-reader.js";

export interface FrameConnectionOptions {
  readonly format: WireFormat;
  readonly types: PayloadConverter;
  readonly openChannel: OpenChannel;
  /** Sent before anything else, if there is one by then. */
  token(): string | undefined;
  /** The connection is over and nothing waits for it any more. */
  onClosed(error: ConfabError): void;
}

/** The frames whose outcome is unknown if the connection is lost before their answer comes. */
const appends = ["send", "sendAll", "edit", "delete", "react"] as const;

interface PendingRequest {
  readonly isSend: boolean;
  /** Whose subscription it is, if it is one. */
  readonly reader: RoomReader | undefined;
  resolve(event: ServerEvent): void;
  reject(error: ConfabError): void;
}

/** One connection of frames: the requests that wait for an answer and the rooms that are read (confab/v1/frame.proto). */
export class FrameConnection {
  /** By room; one reader each, because the server allows one subscription each. */
  readonly readers = new Map<string, RoomReader>();
  /** By the request that subscribed it. No two of them have a room in common, nor one of the readers above. */
  readonly prefixes = new Map<number, PrefixReader>();
  /** Resolves once the server has welcomed us, and has taken our token. */
  readonly ready: Promise<void>;
  wasReady = false;
  maxMessageBytes = Number.POSITIVE_INFINITY;
  dedupeWindowMs: number | undefined;
  isClosed = false;
  private readonly channel: FrameChannel;
  private readonly pending = new Map<number, PendingRequest>();
  private lastRequest = 0;
  private welcomed: () => void = () => undefined;
  private refused: (error: ConfabError) => void = () => undefined;
  private goodbyeReason: ConfabError | undefined;
  private watchdog: ReturnType<typeof setInterval> | undefined;
  private hasHeardSinceTick = true;

  constructor(private readonly options: FrameConnectionOptions) {
    this.ready = new Promise((resolve, reject) => {
      this.welcomed = resolve;
      this.refused = reject;
    });
    // Whoever waits for it hears of it, and nobody may.
    this.ready.catch(() => undefined);
    this.channel = options.openChannel({
      onMessage: (data) => this.received(data),
      onClosed: (error) => this.closed(this.goodbyeReason ?? error),
    });
  }

  /** Send a frame and await its answer. `before`: frames of the same request. @throws the error frame it was answered with, or why no answer came. */
  request(
    frame: FrameBody,
    bounds: CallBounds,
    reader?: RoomReader,
    before: readonly FrameBody[] = [],
  ): Promise<ServerEvent> {
    const { format, types } = this.options;
    const id = ++this.lastRequest;
    const frames = [...before, frame].map((each) => encodeClientFrame(format, id, each, types));
    return new Promise((resolve, reject) => {
      const { isOpen } = this.channel;
      if (this.isClosed) {
        reject(networkFailure("ENGINE_UNAVAILABLE", "the connection is closed"));
        return;
      }
      const release = whenAborted(bounds.signal, () => {
        this.pending.delete(id);
        reject(bounds.reason());
      });
      if (bounds.signal.aborted) return;
      this.pending.set(id, {
        isSend: isOpen && appends.some((name) => frame[name] !== undefined),
        reader,
        resolve: (event) => {
          release();
          resolve(event);
        },
        reject: (error) => {
          release();
          reject(error);
        },
      });
      // The server has closed it, and will say why in a moment: that is the answer.
      if (isOpen) for (const bytes of frames) this.channel.send(bytes);
    });
  }

  /** Read a prefix until it leaves `prefixes`. What the request is refused with ends the reader. */
  readPrefix(parts: readonly FrameBody["subscribePrefix"][], reader: PrefixReader, signal: AbortSignal): void {
    const bounds = { signal, timeoutMs: Number.POSITIVE_INFINITY, reason: () => cancelled(signal) };
    const frames = parts.map((subscribePrefix) => ({ subscribePrefix }));
    const asked = this.request(frames.at(-1) ?? {}, bounds, undefined, frames.slice(0, -1));
    this.prefixes.set(this.lastRequest, reader);
    asked.catch((error: unknown) => reader.finish(error));
  }

  /** Whether a room of the prefix is read, or may be. */
  overlaps(prefix: string): boolean {
    for (const room of this.readers.keys()) if (room.startsWith(prefix)) return true;
    for (const other of this.prefixes.values())
      if (prefix.startsWith(other.prefix) || other.prefix.startsWith(prefix)) return true;
    return false;
  }

  /** Send a frame that wants no answer. */
  tell(frame: FrameBody): void {
    if (this.channel.isOpen) this.channel.send(encodeClientFrame(this.options.format, 0, frame, this.options.types));
  }

  /** Say anew who is connected. @throws the server's error, or why no answer came. */
  async authenticate(token: string, bounds: CallBounds): Promise<void> {
    await this.request({ authenticate: { token } }, bounds);
  }

  close(error: ConfabError): void {
    this.channel.close(error);
  }

  private received(data: string | Uint8Array): void {
    this.hasHeardSinceTick = true;
    let frame: ReturnType<typeof serverFrameReply.fromProto>;
    try {
      frame = decodeReply(serverFrameReply, this.options.format, data);
    } catch (error) {
      this.close(
        error instanceof ConfabError
          ? error
          : new ConfabError("PROTOCOL_VIOLATION", "unreadable frame", { cause: error }),
      );
      return;
    }
    this.pushed(frame.event, data.length);
    this.prefixes.get(frame.request)?.answered(frame.event);
    // A prefix is answered for each room, and the request once all have begun.
    if (frame.event.kind === "subscribed" && frame.event.prefix !== "" && frame.event.room !== "") return;
    const pending = this.pending.get(frame.request);
    if (!pending) return;
    this.pending.delete(frame.request);
    if (frame.event.kind === "subscribed") pending.reader?.subscribed(frame.event.position);
    if (frame.event.kind === "error") pending.reject(frame.event.error);
    else pending.resolve(frame.event);
  }

  /** What concerns readers and the connection. Done at once and not in a promise: the next frame may come in this turn. */
  private pushed(event: ServerEvent, bytes: number): void {
    switch (event.kind) {
      case "welcome":
        this.maxMessageBytes = event.maxMessageBytes;
        this.dedupeWindowMs = event.dedupeWindowMs;
        this.watch(event.pingIntervalMs);
        this.introduce();
        return;
      case "messages":
        this.readerOf(event.messages[0]?.room ?? "")?.received(event.messages, bytes);
        return;
      case "signal":
        this.readerOf(event.signal.room)?.signalled(event.signal);
        return;
      case "presence":
        this.readers.get(event.change.room)?.presenceChanged(event.change);
        return;
      case "unsubscribed":
        if (event.reason && event.prefix === "") this.readers.get(event.room)?.finish(event.reason);
        return;
      case "goodbye":
        this.goodbyeReason = event.reason && withReconnectWindow(event.reason, event.reconnectWithinMs);
        return;
      default:
        return;
    }
  }

  private readerOf(room: string): RoomReader | PrefixReader | undefined {
    const reader = this.readers.get(room);
    if (reader || this.prefixes.size === 0) return reader;
    return [...this.prefixes.values()].find(({ prefix }) => room.startsWith(prefix));
  }

  private introduce(): void {
    const token = this.options.token();
    const welcomed = () => {
      this.wasReady = true;
      this.welcomed();
    };
    if (token === undefined) return welcomed();
    bounded(undefined, (bounds) => this.authenticate(token, bounds)).then(welcomed, (error: unknown) =>
      this.close(failureFrom(error)),
    );
  }

  /** A server that says nothing for two of its ping intervals is gone, whatever TCP believes. */
  private watch(pingIntervalMs: number): void {
    if (pingIntervalMs <= 0) return;
    this.watchdog = setInterval(() => {
      if (!this.hasHeardSinceTick)
        this.close(networkFailure("PING_TIMEOUT", `nothing heard for ${2 * pingIntervalMs} ms`));
      this.hasHeardSinceTick = false;
    }, 2 * pingIntervalMs);
  }

  private closed(error: ConfabError): void {
    this.isClosed = true;
    clearInterval(this.watchdog);
    this.refused(error);
    for (const pending of this.pending.values()) pending.reject(pending.isSend ? sendLost(error) : error);
    this.pending.clear();
    for (const reader of [...this.readers.values(), ...this.prefixes.values()]) reader.finish(error);
    this.readers.clear();
    this.prefixes.clear();
    this.options.onClosed(error);
  }
}
