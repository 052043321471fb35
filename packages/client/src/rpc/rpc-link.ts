import type { DescMessage } from "@bufbuild/protobuf";
import { ConfabError, type PayloadTypes } from "@confab/contract";
import { callBounds, cancelled } from "../call-signal.js";
import type {
  CallOptions,
  HistoryRequest,
  Link,
  Listening,
  ListenOptions,
  ListenRequest,
  MembersRequest,
  OutgoingMessage,
  OutgoingSignal,
  RoomsRequest,
  TransportName,
} from "../link.js";
import { newMessageId } from "../message-id.js";
import { asOutcomeUnknown } from "../network-failure.js";
import { pullListening } from "../streams/pull-listening.js";
import { ownTypesOnly } from "../wire/payloads.js";
import {
  ackReply,
  decodeReply,
  emptyReply,
  historyReply,
  membersReply,
  messageReply,
  type Reply,
  roomsReply,
} from "../wire/replies.js";
import {
  encodeRequest,
  historyRequest,
  membersRequest,
  type Request,
  readerRequest,
  roomsRequest,
  sendRequest,
  signalRequest,
} from "../wire/requests.js";
import type { MethodName, RpcCaller, RpcStream } from "./caller.js";

/** The header that says where StreamMessages starts (chat_service.proto). */
export const positionHeader = "confab-position";

/** A link over gRPC, gRPC-Web or Connect. */
export class RpcLink implements Link {
  /** Unary calls that overlap may take different connections or streams. */
  readonly keepsSendOrder = false;
  private readonly listenings = new Set<AbortController>();

  constructor(
    readonly transport: TransportName,
    private readonly caller: RpcCaller,
    private readonly types: PayloadTypes = ownTypesOnly,
  ) {}

  async open(options?: CallOptions): Promise<void> {
    // Any question would do; this one is small, whatever the server holds.
    await this.rooms({ limit: 1 }, options);
  }

  async send(message: OutgoingMessage, options?: CallOptions) {
    const request = sendRequest({ ...message, id: message.id ?? newMessageId() });
    try {
      return await this.call("SendMessage", request, ackReply, options);
    } catch (error) {
      throw asOutcomeUnknown(error);
    }
  }

  async listen(request: ListenRequest, { signal }: ListenOptions = {}): Promise<Listening> {
    const bytes = encodeRequest(this.caller.format, readerRequest(request), this.types);
    const controller = new AbortController();
    const anySignal = signal ? AbortSignal.any([signal, controller.signal]) : controller.signal;
    if (signal?.aborted) throw cancelled(signal);
    this.listenings.add(controller);
    const release = () => {
      this.listenings.delete(controller);
      controller.abort();
    };
    try {
      const stream = await this.caller.serverStream("StreamMessages", bytes, anySignal);
      const position = stream.header(positionHeader) ?? (await refusal(stream));
      const { format } = this.caller;
      return pullListening({
        position,
        recovered: request.after !== undefined,
        source: stream.messages,
        read: (message) => decodeReply(messageReply, format, message),
        signal: anySignal,
        release,
      });
    } catch (error) {
      release();
      throw signal?.aborted ? cancelled(signal) : error;
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

  signal(signal: OutgoingSignal, options?: CallOptions) {
    return this.call("SendSignal", signalRequest(signal), emptyReply, options);
  }

  close(): void {
    for (const listening of this.listenings) listening.abort();
    this.caller.close();
  }

  private async call<Desc extends DescMessage, T>(
    method: MethodName,
    request: Request<Desc>,
    reply: Reply<T>,
    options?: CallOptions,
  ): Promise<T> {
    const { format } = this.caller;
    const bytes = encodeRequest(format, request, this.types);
    return decodeReply(reply, format, await this.caller.unary(method, bytes, callBounds(options)));
  }
}

/** A refused stream may have a good head: then the first thing in it is its end, and says why. */
async function refusal(stream: RpcStream): Promise<never> {
  for await (const _message of stream.messages) break;
  throw new ConfabError("PROTOCOL_VIOLATION", `the server sent no ${positionHeader} header`);
}
