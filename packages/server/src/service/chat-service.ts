import type { DescMessage, DescMethod, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { ackJson, encodeAck, type Limits, type PayloadTypes } from "@confab/contract";
import { ChatService as ChatServiceDesc } from "@confab/contract/gen/confab/v1/chat_service_pb";
import { UserSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { isValidReader, refuseViolations, violationsOf } from "@confab/contract/validation";
import type { Engine, Hub, SubscribeRequest } from "../core/index.js";
import { roomIdFrom } from "../core/index.js";
import { wirePositionFrom } from "./conversions.js";
import { encodeHistory, readHistoryPage } from "./history.js";
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
  readonly hasNoSideEffects: boolean;
  readonly call: UnaryCall;
}

type UnaryCall = (format: WireFormat, request: Uint8Array) => Promise<Uint8Array>;

const { sendMessage, getHistory, listRooms, listMembers, sendSignal } = ChatServiceDesc.method;

/** Messages for one page when the request does not say. */
const defaultPageLimit = 100;

/** The contract's operations on the rooms: what every transport calls, so that all of them behave the same. */
export class ChatService {
  readonly json: MessageJson;
  /** By the RPC's name, `SendMessage` and so on. */
  readonly unary: ReadonlyMap<string, UnaryOperation>;

  constructor(readonly deps: ServiceDeps) {
    this.json = new MessageJson(deps.types);
    this.unary = new Map([
      operation(sendMessage, this.sendMessage()),
      operation(getHistory, this.getHistory()),
      operation(listRooms, this.listRooms()),
      operation(listMembers, this.listMembers()),
      operation(sendSignal, this.sendSignal()),
    ]);
  }

  /** Read and check the request of StreamMessages. @throws MALFORMED_MESSAGE, INVALID_MESSAGE. */
  decodeReader(format: WireFormat, request: Uint8Array): SubscribeRequest {
    const reader = decodeMessage(UserSchema, format, request, this.deps.types);
    if (!isValidReader(reader)) refuseViolations(violationsOf(UserSchema, reader));
    return subscribeRequestFrom(reader);
  }

  private sendMessage(): UnaryCall {
    const { hub, types } = this.deps;
    return async (format, request) => {
      const ack = await hub.send(decodeNewMessage(format, request, types));
      return format === "proto" ? encodeAck(ack) : Buffer.from(ackJson(ack));
    };
  }

  private getHistory(): UnaryCall {
    const { engine } = this.deps;
    return async (format, request) => {
      const asked = this.decode(getHistory.input, format, request);
      return encodeHistory(format, await readHistoryPage(engine.log, asked, format, this.json), this.json);
    };
  }

  private listRooms(): UnaryCall {
    const { engine } = this.deps;
    return this.generated(listRooms, async (request) => {
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
    });
  }

  private listMembers(): UnaryCall {
    const { engine } = this.deps;
    return this.generated(listMembers, async (request) => {
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
    });
  }

  private sendSignal(): UnaryCall {
    const { hub, types } = this.deps;
    const { input, output } = sendSignal;
    return async (format, request) => {
      hub.signal(signalFrom(decodeMessage(input, format, request, types), types));
      return encodeMessage(output, format, create(output), types);
    };
  }

  /** A call on generated messages whose reply holds no payload. */
  private generated<In extends DescMessage, Out extends DescMessage>(
    { input, output }: DescMethodUnary<In, Out>,
    run: (request: MessageShape<In>) => Promise<MessageInitShape<Out>>,
  ): UnaryCall {
    return async (format, request) =>
      encodeMessage(output, format, create(output, await run(this.decode(input, format, request))), this.deps.types);
  }

  private decode<Desc extends DescMessage>(schema: Desc, format: WireFormat, bytes: Uint8Array): MessageShape<Desc> {
    const message = decodeMessage(schema, format, bytes, this.deps.types);
    refuseViolations(violationsOf(schema, message));
    return message;
  }
}

function operation({ name, idempotency }: DescMethod, call: UnaryCall): [string, UnaryOperation] {
  return [name, { call, hasNoSideEffects: idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS }];
}
