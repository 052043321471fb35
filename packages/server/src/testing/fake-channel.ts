import { create, fromBinary, fromJsonString, type MessageInitShape, toBinary, toJsonString } from "@bufbuild/protobuf";
import { type ConfabError, envelopeBytes, type Limits, PayloadTypes } from "@confab/contract";
import { ClientFrameSchema, type ServerFrame, ServerFrameSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import {
  ChatService,
  defaultPolicy,
  envelopeFraming,
  type FrameChannel,
  type FrameEncoding,
  type FrameSession,
  FrameSessions,
  JsonBatches,
  ProtoBatches,
  unrestricted,
  type WireFormat,
} from "../service/index.js";
import { Work } from "../work/index.js";
import { connectionCaller } from "./test-caller.js";
import { TestHub } from "./test-hub.js";

const types = PayloadTypes.none();

/** A connection without a network: what the server said, and whether it takes more. */
export class FakeChannel implements FrameChannel {
  readonly work = new Work();
  readonly caller = connectionCaller("websocket", "192.0.2.1", this.work.share());
  /** Every frame sent, in order, as the client gets it. */
  readonly sent: Uint8Array[] = [];
  /** What `write` and `sendFrame` say. */
  hasRoom = true;
  readonly queuedBytes = 0;
  isPaused = false;
  closedWith: ConfabError | undefined;

  constructor(
    readonly format: WireFormat,
    readonly encoding: FrameEncoding,
  ) {}

  /** Frames in envelopes: there may be several in one write. */
  write(bytes: Uint8Array): boolean {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at < bytes.length; ) {
      const from = at + envelopeBytes;
      at = from + view.getUint32(at + 1);
      this.sent.push(Uint8Array.from(bytes.subarray(from, at)));
    }
    return this.hasRoom;
  }

  sendFrame(frame: Uint8Array): boolean {
    this.sent.push(frame);
    return this.hasRoom;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  close(error: ConfabError): void {
    this.closedWith = error;
  }
}

/** One client of a frame session, with everything below it in the test's hands. */
export class FrameClient {
  readonly channel: FakeChannel;
  readonly session: FrameSession;

  constructor(
    private readonly server: FrameServer,
    readonly format: WireFormat = "proto",
  ) {
    this.channel = new FakeChannel(format, server.encodings[format]);
    this.session = server.sessions.begin(this.channel);
  }

  /** All frames so far, decoded by the generated code. */
  get frames(): ServerFrame[] {
    return this.channel.sent.map((bytes) =>
      this.format === "proto"
        ? fromBinary(ServerFrameSchema, bytes)
        : fromJsonString(ServerFrameSchema, Buffer.from(bytes).toString(), { registry: types.registry }),
    );
  }

  /** Those of one kind, in their order. */
  all<Case extends Exclude<ServerFrame["frame"]["case"], undefined>>(kind: Case) {
    return this.frames.flatMap(({ request, frame }) =>
      frame.case === kind
        ? [{ request, value: frame.value as Extract<ServerFrame["frame"], { case: Case }>["value"] }]
        : [],
    );
  }

  /** Each error as `request CODE`. */
  get errors(): string[] {
    return this.all("error").map(({ request, value }) => `${request} ${value.code}`);
  }

  /** The offsets of all messages so far. */
  get offsets(): number[] {
    return this.all("messages").flatMap(({ value }) => value.messages.map(({ position }) => Number(position?.offset)));
  }

  /** Give the session a frame, without waiting for what comes of it. */
  say(init: MessageInitShape<typeof ClientFrameSchema>): void {
    const frame = create(ClientFrameSchema, init);
    const bytes =
      this.format === "proto"
        ? toBinary(ClientFrameSchema, frame)
        : Buffer.from(toJsonString(ClientFrameSchema, frame, { registry: types.registry }));
    this.session.receive(bytes);
  }

  /** Give the session a frame, and let everything come to rest. */
  async ask(init: MessageInitShape<typeof ClientFrameSchema>): Promise<void> {
    this.say(init);
    await this.server.settle();
  }

  async subscribe(
    room: string,
    request = 1,
    options: { presence?: boolean; signals?: boolean; name?: string } = {},
  ): Promise<void> {
    const { name = "", ...rest } = options;
    await this.ask({ request, frame: { case: "subscribe", value: { reader: { room, name }, ...rest } } });
  }
}

/** The frame sessions of a server whose engine, bus and turns the test moves. */
export class FrameServer {
  readonly hub: TestHub;
  readonly service: ChatService;
  readonly sessions: FrameSessions;
  readonly encodings: Readonly<Record<WireFormat, FrameEncoding>>;
  readonly reported: ConfabError[] = [];
  /** Who spent a budget, and which. */
  readonly abuses: string[] = [];

  constructor(limits: Partial<Limits> = {}) {
    this.hub = new TestHub(limits);
    const { hub, engine } = this.hub;
    const { limits: all } = this.hub;
    const rooms = { of: () => defaultPolicy(all) };
    this.service = new ChatService({ hub, engine, types, limits: all, rooms, longestTokenUseMs: () => 0 });
    let connections = 0;
    this.sessions = new FrameSessions({
      principalBy: () => unrestricted,
      service: this.service,
      serverVersion: "1.2.3",
      dedupeWindowMs: 90_500,
      newConnectionId: () => `connection-${++connections}`,
      onAbuse: (remoteAddress, reason) => this.abuses.push(`${remoteAddress}: ${reason}`),
      report: (error) => this.reported.push(error),
    });
    this.encodings = {
      proto: new ProtoBatches("proto", envelopeFraming),
      json: new JsonBatches("json", envelopeFraming, this.service.json),
    };
  }

  /** Bring what the bus has on its way, and turn until nothing is due. */
  async settle(): Promise<void> {
    await this.hub.turns.untilIdle();
    this.hub.engine.deliver();
    await this.hub.turns.untilIdle();
  }
}
