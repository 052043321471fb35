import { ConfabError, defaultRoom, utf8Length } from "@confab/contract";
import { bounded, type CallBounds, linkClosed, within } from "../call-signal.js";
import { failureFrom } from "../client-fault.js";
import type {
  Ack,
  CallOptions,
  ChatMessage,
  HistoryPage,
  HistoryRequest,
  Link,
  LinkOptions,
  Listening,
  ListenOptions,
  ListenRequest,
  MarkReadRequest,
  MembersRequest,
  OutgoingBatch,
  OutgoingChange,
  OutgoingMessage,
  OutgoingSignal,
  PrefixOptions,
  PrefixRequest,
  ReadMark,
  ReadMarksRequest,
  RoomsRequest,
  TransportName,
} from "../link.js";
import { withId, withIds } from "../message-id.js";
import { isNetworkFailure, transportBlocked } from "../network-failure.js";
import { queueListening } from "../streams/queue-listening.js";
import { pageLimit } from "../streams/room-queue.js";
import { untouchedPayloads } from "../wire/payloads.js";
import {
  changeRequest,
  type FrameBody,
  historyRequest,
  markReadRequest,
  prefixRequests,
  readerRequest,
  sendAllRequest,
  sendRequest,
  signalRequest,
  type WireFormat,
} from "../wire/requests.js";
import type { ServerEvent } from "../wire/server-frames.js";
import type { OpenChannel } from "./channel.js";
import { FrameConnection } from "./frame-connection.js";
import { PrefixReader } from "./prefix-reader.js";
import { RoomReader } from "./room-reader.js";

export interface FrameLinkDeps {
  readonly transport: TransportName;
  readonly format: WireFormat;
  readonly openChannel: OpenChannel;
  /** Another link to the same server, for the calls that frames do not have. */
  readonly aside: Link;
}

/** A link over frames, in JSON or in Protobuf: of WebSockets, or of Converse. */
export class FrameLink implements Link {
  readonly transport;
  /** The server appends the sends of one connection in the order of their frames. */
  readonly keepsSendOrder = true;
  readonly hearsSignals = true;
  private token: string | undefined;
  /** One, and more while a room is read twice: a connection reads a room once. */
  private readonly connections: FrameConnection[] = [];

  constructor(
    private readonly options: LinkOptions,
    private readonly deps: FrameLinkDeps,
  ) {
    this.transport = deps.transport;
    this.token = options.token;
  }

  get dedupeWindowMs(): number | undefined {
    return this.connections[0]?.dedupeWindowMs;
  }

  async open(options?: CallOptions): Promise<void> {
    try {
      await bounded(options, (bounds) => this.connect(bounds));
    } catch (error) {
      // Browsers never say why there was no WebSocket. HTTP does: perhaps no Confab server is there at all.
      throw isNetworkFailure(error) ? await this.blameFor(failureFrom(error), options) : error;
    }
  }

  async send(message: OutgoingMessage, options?: CallOptions): Promise<Ack> {
    const event = await bounded(options, async (bounds) => {
      const connection = await this.connect(bounds);
      refuseTooLarge([message], connection.maxMessageBytes);
      const send = sendRequest(withId(message)).message;
      return connection.request({ send }, bounds);
    });
    return event.kind === "ack" ? event.ack : unexpected(event);
  }

  async sendAll(batch: OutgoingBatch, options?: CallOptions): Promise<readonly Ack[]> {
    const event = await bounded(options, async (bounds) => {
      const connection = await this.connect(bounds);
      refuseTooLarge(batch.messages, connection.maxMessageBytes);
      return connection.request({ sendAll: sendAllRequest(withIds(batch)).message }, bounds);
    });
    return event.kind === "acks" ? event.acks : unexpected(event);
  }

  async change(change: OutgoingChange, options?: CallOptions): Promise<Ack> {
    const event = await bounded(options, async (bounds) => {
      const connection = await this.connect(bounds);
      if (change.kind === "edit") refuseTooLarge([change], connection.maxMessageBytes);
      return connection.request({ [change.kind]: changeRequest(withId(change)).message }, bounds);
    });
    return event.kind === "ack" ? event.ack : unexpected(event);
  }

  listen(request: ListenRequest, options: ListenOptions = {}): Promise<Listening> {
    return bounded({ signal: options.signal }, (bounds) => this.begin(request, options, bounds));
  }

  private async begin(request: ListenRequest, options: ListenOptions, bounds: CallBounds): Promise<Listening> {
    const { signal, onSignal, onPresence } = options;
    const room = request.room || defaultRoom;
    const isFree = ({ readers, prefixes }: FrameConnection) =>
      !readers.has(room) && [...prefixes.values()].every(({ prefix }) => !room.startsWith(prefix));
    const connection = await this.connect(bounds, isFree);
    // Another listening may have taken the room on this connection while we waited for the welcome.
    if (!isFree(connection)) return this.begin(request, options, bounds);
    const subscribe = {
      reader: readerRequest(request).message,
      signals: onSignal !== undefined,
      presence: onPresence !== undefined,
    };
    const { changes, filter } = request;
    const pageAfter = (after: string) => this.history({ room, after, limit: pageLimit, changes, filter }, { signal });
    const reader = new RoomReader(pageAfter, { onSignal, onPresence });
    connection.readers.set(room, reader);
    const leave = () => {
      if (connection.readers.get(room) !== reader) return;
      connection.readers.delete(room);
      connection.tell({ unsubscribe: { room } });
      this.closeIfIdle(connection);
    };
    try {
      const event = await connection.request({ subscribe }, bounds, reader);
      const { queue } = reader;
      if (event.kind !== "subscribed" || !queue) return unexpected(event);
      const { position, recovered } = event;
      return queueListening({ position, recovered, queue, signal, leave });
    } catch (error) {
      leave();
      throw error;
    }
  }

  async listenPrefix(request: PrefixRequest, options: PrefixOptions): Promise<AsyncIterable<ChatMessage>> {
    const { prefix } = request;
    const leaving = new AbortController();
    const parts = prefixRequests(request, options.onSignal !== undefined);
    const connection = await this.beside(prefix, options);
    const leave = () => {
      if (leaving.signal.aborted) return;
      leaving.abort();
      for (const [id, each] of connection.prefixes) if (each === reader) connection.prefixes.delete(id);
      connection.tell({ unsubscribe: { prefix } });
      this.closeIfIdle(connection);
    };
    const reader = new PrefixReader(prefix, options, leave);
    connection.readPrefix(parts, reader, leaving.signal);
    const { queue } = reader;
    return queueListening({ position: "", recovered: false, queue, signal: options.signal, leave });
  }

  /** A connection that reads no room of the prefix. */
  private async beside(prefix: string, { signal }: Pick<PrefixOptions, "signal">): Promise<FrameConnection> {
    const isFree = (each: FrameConnection) => !each.overlaps(prefix);
    const connection = await bounded({ signal }, (bounds) => this.connect(bounds, isFree));
    return isFree(connection) ? connection : this.beside(prefix, { signal });
  }

  private closeIfIdle(connection: FrameConnection): void {
    const { readers, prefixes } = connection;
    if (connection !== this.connections[0] && readers.size + prefixes.size === 0) connection.close(linkClosed());
  }

  async history(request: HistoryRequest, options?: CallOptions): Promise<HistoryPage> {
    const event = await this.call({ history: historyRequest(request).message }, options);
    return event.kind === "history" ? event.page : unexpected(event);
  }

  async signal(signal: OutgoingSignal, options?: CallOptions): Promise<void> {
    const event = await this.call({ signal: signalRequest(signal).message }, options);
    if (event.kind !== "done") unexpected(event);
  }

  async markRead(request: MarkReadRequest, options?: CallOptions): Promise<ReadMark> {
    const event = await this.call({ markRead: markReadRequest(request).message }, options);
    return event.kind === "mark" ? event.mark : unexpected(event);
  }

  readMarks(request: ReadMarksRequest, options?: CallOptions) {
    return this.deps.aside.readMarks(request, options);
  }

  rooms(request?: RoomsRequest, options?: CallOptions) {
    return this.deps.aside.rooms(request, options);
  }

  members(request: MembersRequest, options?: CallOptions) {
    return this.deps.aside.members(request, options);
  }

  close(): void {
    for (const connection of [...this.connections]) {
      for (const reader of [...connection.readers.values(), ...connection.prefixes.values()]) reader.finish();
      connection.close(linkClosed());
    }
    this.deps.aside.close();
  }

  async authenticate(token: string, options?: CallOptions): Promise<void> {
    this.token = token;
    await bounded(options, async (bounds) => {
      // Those that are not ready yet say it when they are.
      const ready = this.connections.filter(({ wasReady }) => wasReady);
      const renewed = ready.map((connection) => connection.authenticate(token, bounds));
      await Promise.all([...renewed, this.deps.aside.authenticate(token)]);
    });
  }

  private call(frame: FrameBody, options?: CallOptions): Promise<ServerEvent> {
    return bounded(options, async (bounds) => (await this.connect(bounds)).request(frame, bounds));
  }

  private async blameFor(failure: ConfabError, options?: CallOptions): Promise<ConfabError> {
    try {
      await this.deps.aside.open(options);
      return transportBlocked(failure);
    } catch (thrown) {
      const error = failureFrom(thrown);
      // Another network failure, or no time left, says no more than the first.
      return isNetworkFailure(error) || error.code === "DEADLINE_EXCEEDED" ? failure : error;
    }
  }

  /** A welcomed connection, for which `isFree` holds by now. */
  private async connect(
    bounds: CallBounds,
    isFree: (connection: FrameConnection) => boolean = () => true,
  ): Promise<FrameConnection> {
    if (bounds.signal.aborted) throw bounds.reason();
    const connection = this.connections.find(isFree) ?? this.openConnection();
    await within(bounds, connection.ready);
    return connection;
  }

  private openConnection(): FrameConnection {
    const { format, openChannel } = this.deps;
    const connection: FrameConnection = new FrameConnection({
      format,
      openChannel,
      types: this.options.types ?? untouchedPayloads,
      token: () => this.token,
      onClosed: (error) => {
        const index = this.connections.indexOf(connection);
        if (index >= 0) this.connections.splice(index, 1);
        // CANCELLED is our own closing.
        if (connection.wasReady && error.code !== "CANCELLED") this.options.onLost?.(error);
      },
    });
    this.connections.push(connection);
    return connection;
  }
}

/** What a stored message has beside its texts, in bytes, at the least: a tag and a length for each of four, and the time. */
const storedBytes = 16;

/**
 * A WebSocket that gets a frame over its bound must end (RFC 6455 §7.4.1, 1009), and with it every other call on it. So
 * what is certainly too large is refused here; the server refuses what is a little too large without ending anything.
 * Messages that are stored together are bounded as one.
 */
function refuseTooLarge(messages: readonly OutgoingMessage[], maxMessageBytes: number): void {
  let bytes = 0;
  for (const { user, room = "", id = "", text = "", payload } of messages)
    bytes +=
      storedBytes + utf8Length(user + room + id + text) + (payload && "value" in payload ? payload.value.length : 0);
  if (bytes <= maxMessageBytes) return;
  throw new ConfabError("PAYLOAD_TOO_LARGE", `this is ${bytes} bytes; maxMessageBytes is ${maxMessageBytes}`);
}

function unexpected(event: ServerEvent): never {
  throw new ConfabError("PROTOCOL_VIOLATION", `the server answered with ${event.kind}`);
}
