import { ConfabError } from "@confab/contract";
import { bounded } from "../call-signal.js";
import type { Credentials } from "../credentials.js";
import type {
  CallOptions,
  HistoryRequest,
  Link,
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
  TransportName,
} from "../link.js";
import { withId, withIds } from "../message-id.js";
import { asOutcomeUnknown } from "../network-failure.js";
import type { PayloadConverter } from "../payload.js";
import { startOf } from "../start-position.js";
import { Listenings, refuseSignals } from "../streams/listenings.js";
import { untouchedPayloads } from "../wire/payloads.js";
import {
  ackReply,
  acksReply,
  decodeReply,
  emptyReply,
  historyReply,
  markReply,
  marksReply,
  membersReply,
  messageReply,
  type Reply,
  roomsReply,
} from "../wire/replies.js";
import {
  changeRequest,
  encodeRequest,
  historyRequest,
  markReadRequest,
  membersRequest,
  type Request,
  readerRequest,
  readMarksRequest,
  roomsRequest,
  sendAllRequest,
  sendRequest,
  signalRequest,
} from "../wire/requests.js";
import type { Table } from "../wire/table.js";
import type { MethodName, RpcCaller, RpcStream } from "./caller.js";

/** The header that says where StreamMessages starts (chat_service.proto). */
export const positionHeader = "confab-position";

const changeMethods = { edit: "EditMessage", delete: "DeleteMessage", react: "React" } as const;

/** How often a reading may find its start trimmed away before it has begun. */
const maxStarts = 3;

export interface RpcLinkDeps {
  readonly caller: RpcCaller;
  /** Where the caller takes its token from. */
  readonly credentials: Credentials;
  readonly types: PayloadConverter | undefined;
  /** Converse, if the protocol has streams both ways: StreamMessages carries messages only. */
  readonly converse?: Pick<Link, "listen" | "listenPrefix" | "authenticate" | "close"> | undefined;
}

/** A link over gRPC, gRPC-Web or Connect. */
export class RpcLink implements Link {
  /** Unary calls that overlap may take different connections or streams. */
  readonly keepsSendOrder = false;
  readonly hearsSignals: boolean;
  readonly listenPrefix: Link["listenPrefix"];
  private readonly listenings = new Listenings();
  private readonly types: PayloadConverter;

  constructor(
    readonly transport: TransportName,
    private readonly deps: RpcLinkDeps,
  ) {
    this.types = deps.types ?? untouchedPayloads;
    this.hearsSignals = deps.converse !== undefined;
    this.listenPrefix = deps.converse?.listenPrefix?.bind(deps.converse);
  }

  async open(options?: CallOptions): Promise<void> {
    // Any question would do; this one is small, whatever the server holds.
    await this.rooms({ limit: 1 }, options);
  }

  async send(message: OutgoingMessage, options?: CallOptions) {
    return this.append("SendMessage", sendRequest(withId(message)), ackReply, options);
  }

  async sendAll(batch: OutgoingBatch, options?: CallOptions) {
    return this.append("SendMessages", sendAllRequest(withIds(batch)), acksReply, options);
  }

  async change(change: OutgoingChange, options?: CallOptions) {
    return this.append(changeMethods[change.kind], changeRequest(withId(change)), ackReply, options);
  }

  async listen(request: ListenRequest, options: ListenOptions = {}): Promise<Listening> {
    const { caller, converse } = this.deps;
    if (converse && (options.onSignal || options.onPresence)) return converse.listen(request, options);
    refuseSignals(this.transport, options);
    const recovered = request.after !== undefined;
    if (recovered || caller.showsHeadsAtOnce) return this.stream(request, recovered, options);
    for (let attempt = 1; ; attempt++) {
      const { position } = await startOf(this, request, options);
      try {
        return await this.stream({ ...request, after: position, history: 0 }, recovered, options);
      } catch (error) {
        // The messages that the caller wanted to begin with may have been trimmed since then.
        if (attempt === maxStarts || !(error instanceof ConfabError) || error.code !== "OUT_OF_RANGE") throw error;
      }
    }
  }

  history(request: HistoryRequest, options?: CallOptions) {
    return this.call("GetHistory", historyRequest(request), historyReply, options);
  }

  rooms(request?: RoomsRequest, options?: CallOptions) {
    return this.call("ListRooms", roomsRequest(request), roomsReply, options);
  }

  members(request: MembersRequest, options?: CallOptions) {
    return this.call("ListMembers", membersRequest(request), membersReply, options);
  }

  markRead(request: MarkReadRequest, options?: CallOptions) {
    return this.call("MarkRead", markReadRequest(request), markReply, options);
  }

  readMarks(request: ReadMarksRequest, options?: CallOptions) {
    return this.call("ListReadMarks", readMarksRequest(request), marksReply, options);
  }

  signal(signal: OutgoingSignal, options?: CallOptions) {
    return this.call("SendSignal", signalRequest(signal), emptyReply, options);
  }

  async authenticate(token: string, options?: CallOptions): Promise<void> {
    this.deps.credentials.token = token;
    await this.deps.converse?.authenticate(token, options);
  }

  close(): void {
    this.listenings.close();
    this.deps.converse?.close();
    this.deps.caller.close();
  }

  private stream(request: ListenRequest, recovered: boolean, options: ListenOptions): Promise<Listening> {
    const { caller } = this.deps;
    const bytes = encodeRequest(caller.format, readerRequest(request), this.types);
    return this.listenings.begin(options, { after: request.after, recovered }, async (signal) => {
      const stream = await caller.serverStream("StreamMessages", bytes, signal);
      return {
        position: stream.header(positionHeader) ?? (await refusal(stream)),
        source: stream.messages,
        read: (message: Uint8Array) => decodeReply(messageReply, caller.format, message),
      };
    });
  }

  private async append<T extends Table, Result>(
    method: MethodName,
    request: Request<T>,
    reply: Reply<Result>,
    options?: CallOptions,
  ): Promise<Result> {
    try {
      return await this.call(method, request, reply, options);
    } catch (error) {
      throw asOutcomeUnknown(error);
    }
  }

  private async call<T extends Table, Result>(
    method: MethodName,
    request: Request<T>,
    reply: Reply<Result>,
    options?: CallOptions,
  ): Promise<Result> {
    const { caller } = this.deps;
    const bytes = encodeRequest(caller.format, request, this.types);
    const answer = await bounded(options, (bounds) => caller.unary(method, bytes, bounds));
    return decodeReply(reply, caller.format, answer);
  }
}

/** A refused stream may have a good head: then the first thing in it is its end, and says why. */
async function refusal(stream: RpcStream): Promise<never> {
  for await (const _message of stream.messages) break;
  throw new ConfabError("PROTOCOL_VIOLATION", `the server sent no ${positionHeader} header`);
}
