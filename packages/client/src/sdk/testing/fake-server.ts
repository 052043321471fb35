import { ConfabError, formatPosition, parsePosition } from "@confab/contract";
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
  MembersPage,
  OutgoingBatch,
  OutgoingChange,
  OutgoingMessage,
  ReadMark,
  TransportName,
} from "../../link.js";
import { networkFailure } from "../../network-failure.js";
import { MessageQueue } from "../../streams/message-queue.js";

/** A message to one room with the epoch 7. */
export function messageAt(offset: number, epoch = 7): ChatMessage {
  const position = formatPosition({ epoch, offset });
  return { user: "bob", text: `${offset}`, room: "r", id: `id-${offset}`, position, sentAt: new Date(0) };
}

/** A send that reached the fake server, to be answered by the test. */
export interface FakeSend {
  /** Of a batch the first one. */
  readonly message: OutgoingMessage;
  readonly batch?: OutgoingBatch;
  readonly link: FakeLink;
  readonly timeoutMs: number | undefined;
  ack(): void;
  fail(error: ConfabError): void;
}

/** The other side of fake links: what reaches it, and what it says to whom. */
export class FakeServer {
  readonly links: FakeLink[] = [];
  readonly sends: FakeSend[] = [];
  readonly listens: ListenRequest[] = [];
  /** The questions for members, to be answered by the test. */
  readonly membersAsked: ((page: MembersPage) => void)[] = [];
  /** What the next attempts to connect and to listen fail with, one each. */
  readonly openErrors: ConfabError[] = [];
  readonly listenErrors: ConfabError[] = [];
  /** The pages asked for, what the next ones fail with, and when the others are answered. */
  readonly histories: HistoryRequest[] = [];
  readonly historyErrors: ConfabError[] = [];
  historyAnswered: Promise<void> = Promise.resolve();
  /** Where readers without a position begin. */
  start = formatPosition({ epoch: 7, offset: 0 });
  /** What it calls all positions after a restore. Streams say so at once, or with their first message. */
  epoch: number | undefined;
  isHeadLate = false;
  transport: TransportName = "websocket-proto";
  /** What it says on new links. */
  dedupeWindowMs: number | undefined;
  /** The marks that were asked for, in their order. */
  readonly marks: {
    readonly request: MarkReadRequest;
    readonly resolve: (mark: ReadMark) => void;
    readonly reject: (error: ConfabError) => void;
  }[] = [];

  openLink(transport: TransportName, options: LinkOptions): Link {
    const link = new FakeLink(this, transport, options);
    this.links.push(link);
    return link;
  }

  get last(): FakeLink {
    const link = this.links.at(-1);
    if (!link) throw new Error("nobody has connected");
    return link;
  }

  /** The texts of the sends so far. */
  get texts(): (string | undefined)[] {
    return this.sends.map(({ message }) => message.text);
  }
}

export class FakeLink implements Link {
  readonly keepsSendOrder = true;
  readonly hearsSignals = true;
  readonly dedupeWindowMs: number | undefined;
  isClosed = false;
  readonly queues: MessageQueue[] = [];

  constructor(
    private readonly server: FakeServer,
    readonly transport: TransportName,
    readonly options: LinkOptions,
  ) {
    this.dedupeWindowMs = server.dedupeWindowMs;
  }

  async open(): Promise<void> {
    const error = this.server.openErrors.shift();
    if (error) throw error;
  }

  send(message: OutgoingMessage, { timeoutMs }: CallOptions = {}): Promise<Ack> {
    return new Promise((resolve, reject) => {
      const position = formatPosition({ epoch: 7, offset: this.server.sends.length + 1 });
      const ack = { id: message.id ?? "", position, sentAt: new Date(0), duplicate: false };
      this.server.sends.push({ message, link: this, timeoutMs, ack: () => resolve(ack), fail: reject });
    });
  }

  sendAll(batch: OutgoingBatch, { timeoutMs }: CallOptions = {}): Promise<readonly Ack[]> {
    return new Promise((resolve, reject) => {
      const [message = { user: "" }] = batch.messages;
      const acks = batch.messages.map(({ id = "" }, index) => {
        const position = formatPosition({ epoch: 7, offset: index + 1 });
        return { id, position, sentAt: new Date(0), duplicate: false };
      });
      this.server.sends.push({ message, batch, link: this, timeoutMs, ack: () => resolve(acks), fail: reject });
    });
  }

  /** As a send whose text is the edit's, or what the change is. */
  change(change: OutgoingChange, options?: CallOptions): Promise<Ack> {
    const text = change.kind === "edit" ? change.text : change.kind;
    return this.send({ user: change.user, id: change.id, room: change.room, text }, options);
  }

  /** Who hears signals and presence over this link. */
  readonly hearers: ListenOptions[] = [];

  async listen(request: ListenRequest, options: ListenOptions = {}): Promise<Listening> {
    this.server.listens.push(request);
    this.hearers.push(options);
    const error = this.server.listenErrors.shift();
    if (error) throw error;
    const queue = new MessageQueue({ onFilled: () => undefined, onEmptied: () => undefined });
    this.queues.push(queue);
    options.signal?.addEventListener("abort", () => queue.finish());
    const position = request.after ?? this.server.start;
    if (!parsePosition(position)) throw new ConfabError("MALFORMED_MESSAGE", position);
    const { epoch, isHeadLate } = this.server;
    const begun =
      epoch === undefined ? position : formatPosition({ epoch, offset: parsePosition(position)?.offset ?? 0 });
    let hasBegun = !isHeadLate;
    async function* messages() {
      for await (const message of queue.messages()) {
        hasBegun = true;
        yield message;
      }
    }
    return {
      get position() {
        return hasBegun ? begun : position;
      },
      recovered: request.after !== undefined,
      [Symbol.asyncIterator]: messages,
    };
  }

  /** The tokens that came after the first one. */
  readonly tokens: string[] = [];
  /** What taking the next tokens fails with, one each. */
  readonly tokenErrors: ConfabError[] = [];

  async authenticate(token: string): Promise<void> {
    this.tokens.push(token);
    const error = this.tokenErrors.shift();
    if (error) throw error;
  }

  /** Give messages to everybody who reads over this link. */
  push(...offsets: number[]): void {
    for (const queue of this.queues)
      for (const offset of offsets) queue.push([messageAt(offset, this.server.epoch)], 1);
  }

  /** Lose the connection, as networks do. */
  drop(error: ConfabError = networkFailure("ENGINE_UNAVAILABLE", "gone")): void {
    this.options.onLost?.(error);
    for (const queue of this.queues) queue.finish(error);
  }

  /** Asked for the ends of the log alone: an empty page. */
  async history(request: HistoryRequest): Promise<HistoryPage> {
    this.server.histories.push(request);
    const error = this.server.historyErrors.shift();
    if (error) throw error;
    await this.server.historyAnswered;
    const { epoch, offset } = parsePosition(this.server.start) ?? { epoch: 7, offset: 0 };
    return {
      messages: [],
      more: false,
      oldest: formatPosition({ epoch, offset: 1 }),
      newest: formatPosition({ epoch, offset }),
    };
  }

  rooms(): Promise<never> {
    return Promise.reject(new ConfabError("UNKNOWN_METHOD", "not in this fake"));
  }

  members(): Promise<MembersPage> {
    return new Promise((resolve) => this.server.membersAsked.push(resolve));
  }

  markRead(request: MarkReadRequest): Promise<ReadMark> {
    return new Promise((resolve, reject) => this.server.marks.push({ request, resolve, reject }));
  }

  readMarks = this.rooms;

  signal = this.rooms;

  close(): void {
    this.isClosed = true;
    for (const queue of this.queues) queue.finish();
  }
}
