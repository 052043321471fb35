import { type ConfabError, defaultRoom, formatPosition } from "@confab/contract";
import { bounded, type CallBounds, linkClosed, within } from "../call-signal.js";
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
  ReadMarksRequest,
  RoomsRequest,
} from "../link.js";
import { withId } from "../message-id.js";
import { parsedPosition, startOf } from "../start-position.js";
import { refuseSignals } from "../streams/listenings.js";
import { queryOf } from "../streams/query.js";
import { queueListening } from "../streams/queue-listening.js";
import { pageLimit, RoomQueue } from "../streams/room-queue.js";
import { readerRequest } from "../wire/requests.js";
import { PlainConnection } from "./plain-connection.js";
import type { SocketFactory } from "./socket.js";

/** How long a message may take to come back before its acknowledgement is asked for, in milliseconds. */
const echoTimeoutMs = 1_000;

export interface PlainLinkDeps {
  readonly makeSocket: SocketFactory;
  /** Another link to the same server, for the calls that the plain shape does not have. */
  readonly aside: Link;
}

/**
 * A link over the tutorials' WebSocket: `{"user","text"}` in, messages of one room out. There is no subscribe reply, so
 * where reading starts is asked for first, and a message's acknowledgement is its own coming back.
 */
export class PlainLink implements Link {
  readonly transport = "websocket-plain";
  /** One message at a time is on its way. */
  readonly keepsSendOrder = true;
  readonly hearsSignals = false;
  private readonly listening = new Set<PlainConnection>();
  /** The socket of the last send, kept for the next one to the same room. */
  private sender: { readonly room: string; readonly connection: PlainConnection } | undefined;
  private lastSend: Promise<unknown> = Promise.resolve();
  private token: string | undefined;

  constructor(
    private readonly options: LinkOptions,
    private readonly deps: PlainLinkDeps,
  ) {
    this.token = options.token;
  }

  open(options?: CallOptions): Promise<void> {
    return this.deps.aside.open(options);
  }

  send(message: OutgoingMessage, options?: CallOptions): Promise<Ack> {
    const before = this.lastSend;
    const sent = bounded(options, async (bounds) => {
      await before;
      return this.sendNow(withId(message), bounds);
    });
    // A send that failed does not keep the next one from being tried.
    this.lastSend = sent.catch(() => undefined);
    return sent;
  }

  /** The plain shape has no batch, as it has no acknowledgement that could refuse one. */
  sendAll(batch: OutgoingBatch, options?: CallOptions): Promise<readonly Ack[]> {
    return this.deps.aside.sendAll(batch, options);
  }

  /** The plain shape has no way to change a message either. */
  change(change: OutgoingChange, options?: CallOptions): Promise<Ack> {
    return this.deps.aside.change(change, options);
  }

  async listen(request: ListenRequest, options: ListenOptions = {}): Promise<Listening> {
    refuseSignals(this.transport, options);
    const { signal } = options;
    const room = request.room || defaultRoom;
    const position = await this.startOf(request, { signal });
    const { changes, filter } = request;
    const pageAfter = (after: string) => this.history({ room, after, limit: pageLimit, changes, filter }, { signal });
    const reader = new RoomQueue(position, pageAfter);
    const connection = this.openConnection(queryOf(readerRequest({ ...request, room, after: position, history: 0 })), {
      message: (message, bytes) => reader.received([message], bytes),
      closed: (error) => {
        this.listening.delete(connection);
        // CANCELLED is our own closing, which is not an error.
        reader.finish(error.code === "CANCELLED" ? undefined : error);
      },
    });
    this.listening.add(connection);
    const leave = () => connection.close(linkClosed());
    await bounded({ signal }, (bounds) => within(bounds, connection.opened)).catch((error: unknown) => {
      leave();
      throw error;
    });
    return queueListening({ position, recovered: request.after !== undefined, queue: reader.queue, signal, leave });
  }

  history(request: HistoryRequest, options?: CallOptions): Promise<HistoryPage> {
    return this.deps.aside.history(request, options);
  }

  rooms(request?: RoomsRequest, options?: CallOptions) {
    return this.deps.aside.rooms(request, options);
  }

  members(request: MembersRequest, options?: CallOptions) {
    return this.deps.aside.members(request, options);
  }

  markRead(request: MarkReadRequest, options?: CallOptions) {
    return this.deps.aside.markRead(request, options);
  }

  readMarks(request: ReadMarksRequest, options?: CallOptions) {
    return this.deps.aside.readMarks(request, options);
  }

  signal(signal: OutgoingSignal, options?: CallOptions): Promise<void> {
    return this.deps.aside.signal(signal, options);
  }

  /** A plain WebSocket has no word for it: what it carries goes on until the server ends it. The next one shows the token. */
  authenticate(token: string, options?: CallOptions): Promise<void> {
    this.token = token;
    return this.deps.aside.authenticate(token, options);
  }

  close(): void {
    this.sender?.connection.close(linkClosed());
    for (const connection of [...this.listening]) connection.close(linkClosed());
    this.deps.aside.close();
  }

  /** The position that `request` starts at. Also refuses one that cannot be resumed from, as every other link does. */
  private async startOf(request: ListenRequest, options: CallOptions): Promise<string> {
    const { room, after } = request;
    if (after === undefined) return (await startOf(this, request, options)).position;
    const { newest } = await this.history({ room, after, limit: 1 }, options);
    // After a restore the place of `after` has the room's epoch of now.
    const [place, { epoch }] = [parsedPosition(after), parsedPosition(newest)];
    return formatPosition({ epoch, offset: place.offset });
  }

  /**
   * A message that was stored before does not come back. So when nothing has come for a while, it is sent again by the
   * other link: the id makes that harmless, and the answer says where the message stands.
   */
  private async sendNow(message: OutgoingMessage & { readonly id: string }, bounds: CallBounds): Promise<Ack> {
    const connection = this.senderFor(message.room || defaultRoom);
    await within(bounds, connection.opened);
    const echo = connection.send(message);
    const patience = new AbortController();
    try {
      const ack = await within(bounds, Promise.race([echo, after(echoTimeoutMs, patience.signal)]));
      return ack ?? (await this.deps.aside.send(message, bounds));
    } finally {
      patience.abort();
    }
  }

  private senderFor(room: string): PlainConnection {
    if (this.sender?.room === room && !this.sender.connection.isOver) return this.sender.connection;
    this.sender?.connection.close(linkClosed());
    const connection = this.openConnection(queryOf(readerRequest({ room })), {
      message: () => undefined,
      closed: () => undefined,
    });
    this.sender = { room, connection };
    return connection;
  }

  private openConnection(
    query: string,
    listener: { message(message: ChatMessage, bytes: number): void; closed(error: ConfabError): void },
  ): PlainConnection {
    const { url, types } = this.options;
    return new PlainConnection({
      baseUrl: url,
      path: `/chat${query}`,
      token: this.token,
      makeSocket: this.deps.makeSocket,
      types,
      listener,
    });
  }
}

/** Resolves with nothing after a while, unless it is aborted first. */
function after(waitMs: number, signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), waitMs);
    signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  });
}
