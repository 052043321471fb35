import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { ackJson, encodeAck, type Limits, type PayloadTypes } from "@confab/contract";
import { ChatService as ChatServiceDesc } from "@confab/contract/gen/confab/v1/chat_service_pb";
import { ChatMessageSchema, UserSchema } from "@confab/contract/gen/confab/v1/message_pb";
import {
  GetHistoryRequestSchema,
  ListMembersRequestSchema,
  ListMembersResponseSchema,
  ListRoomsRequestSchema,
  ListRoomsResponseSchema,
  SendSignalResponseSchema,
  SignalSchema,
} from "@confab/contract/gen/confab/v1/room_pb";
import { refuseViolations, violationsOf } from "@confab/contract/validation";
import type { Engine, Hub, SubscribeRequest } from "../core/index.js";
import { readHistory, roomIdFrom } from "../core/index.js";
import { wirePositionFrom } from "./conversions.js";
import { encodeHistory, historyRequestFrom } from "./history.js";
import { MessageJson } from "./message-json.js";
import { decodeNewMessage } from "./new-message.js";
import { signalFrom } from "./signals.js";
import { subscribeRequestFrom } from "./subscribe.js";
import { decodeMessage, encodeMessage, type WireFormat } from "./wire-format.js";

export interface ServiceDeps {
  readonly hub: Hub;
  readonly engine: Engine;
  readonly types: PayloadTypes;
  readonly limits: Limits;
}

/** A unary RPC of the contract: encoded request in, encoded reply out. Rejects with a ConfabError for what the client did wrong. */
export interface UnaryOperation {
  readonly input: DescMessage;
  readonly hasNoSideEffects: boolean;
  call(format: WireFormat, request: Uint8Array): Promise<Uint8Array>;
}

/** Messages for one page when the request does not say. */
const defaultPageLimit = 100;

/** The contract's operations on the rooms: what every transport calls, so that all of them behave the same. */
export class ChatService {
  readonly json: MessageJson;
  /** By the RPC's name, `SendMessage` and so on. */
  readonly unary: ReadonlyMap<string, UnaryOperation>;

  constructor(readonly deps: ServiceDeps) {
    this.json = new MessageJson(deps.types);
    this.unary = new Map(
      [this.sendMessage(), this.getHistory(), this.listRooms(), this.listMembers(), this.sendSignal()].map(
        (operation) => [operation.name, operation],
      ),
    );
  }

  /** Read and check the request of StreamMessages. @throws MALFORMED_MESSAGE, INVALID_MESSAGE. */
  decodeReader(format: WireFormat, request: Uint8Array): SubscribeRequest {
    return subscribeRequestFrom(this.decode(UserSchema, format, request));
  }

  private sendMessage() {
    const { hub, types } = this.deps;
    return {
      name: ChatServiceDesc.method.sendMessage.name,
      input: ChatMessageSchema,
      hasNoSideEffects: false,
      call: async (format: WireFormat, request: Uint8Array) => {
        const ack = await hub.send(decodeNewMessage(format, request, types));
        return format === "proto" ? encodeAck(ack) : Buffer.from(ackJson(ack));
      },
    };
  }

  private getHistory() {
    const { engine } = this.deps;
    return {
      name: ChatServiceDesc.method.getHistory.name,
      input: GetHistoryRequestSchema,
      hasNoSideEffects: true,
      call: async (format: WireFormat, request: Uint8Array) => {
        const page = await readHistory(
          engine.log,
          historyRequestFrom(this.decode(GetHistoryRequestSchema, format, request)),
        );
        return encodeHistory(format, page, this.json);
      },
    };
  }

  private listRooms() {
    const { engine } = this.deps;
    return this.generated(
      ChatServiceDesc.method.listRooms.name,
      ListRoomsRequestSchema,
      ListRoomsResponseSchema,
      async (request) => {
        const limit = request.limit || defaultPageLimit;
        const rooms = await engine.log.list(request.prefix, request.page, limit);
        const counts = await engine.members.counts(rooms.map(({ room }) => room));
        return {
          rooms: rooms.map(({ room, epoch, oldest, newest, messages }, index) => ({
            name: room,
            oldest: wirePositionFrom({ epoch, offset: oldest }),
            newest: wirePositionFrom({ epoch, offset: newest }),
            messages: BigInt(messages),
            members: counts[index]?.members ?? 0,
            subscribers: counts[index]?.subscribers ?? 0,
          })),
          nextPage: rooms.length === limit ? (rooms.at(-1)?.room ?? "") : "",
        };
      },
    );
  }

  private listMembers() {
    const { engine } = this.deps;
    return this.generated(
      ChatServiceDesc.method.listMembers.name,
      ListMembersRequestSchema,
      ListMembersResponseSchema,
      async (request) => {
        const limit = request.limit || defaultPageLimit;
        const room = roomIdFrom(request.room);
        const [members, [counts]] = await Promise.all([
          engine.members.page(room, request.page, limit),
          engine.members.counts([room]),
        ]);
        return {
          members: [...members],
          nextPage: members.length === limit ? (members.at(-1)?.user ?? "") : "",
          total: counts?.members ?? 0,
        };
      },
    );
  }

  private sendSignal() {
    const { hub, types } = this.deps;
    const name = ChatServiceDesc.method.sendSignal.name;
    const operation = this.generated(name, SignalSchema, SendSignalResponseSchema, async (signal) => {
      hub.signal(signalFrom(signal, types));
      return {};
    });
    return { ...operation, hasNoSideEffects: false };
  }

  /** An operation on generated messages whose reply holds no payload. */
  private generated<In extends DescMessage, Out extends DescMessage>(
    name: string,
    input: In,
    output: Out,
    run: (request: MessageShape<In>) => Promise<MessageInitShape<Out>>,
  ) {
    return {
      name,
      input,
      hasNoSideEffects: true,
      call: async (format: WireFormat, request: Uint8Array) =>
        encodeMessage(output, format, create(output, await run(this.decode(input, format, request))), this.deps.types),
    };
  }

  private decode<Desc extends DescMessage>(schema: Desc, format: WireFormat, bytes: Uint8Array): MessageShape<Desc> {
    const message = decodeMessage(schema, format, bytes, this.deps.types);
    refuseViolations(violationsOf(schema, message));
    return message;
  }
}
