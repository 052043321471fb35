import type { DescMessage, DescMethod, MessageShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { ackJson, encodeAck, type Limits, type PayloadTypes } from "@confab/contract";
import { ChatService as ChatServiceDesc } from "@confab/contract/gen/confab/v1/chat_service_pb";
import { UserSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { isValidReader, refuseViolations, violationsOf } from "@confab/contract/validation";
import type { Engine, Hub, SubscribeRequest } from "../core/index.js";
import { holdRoom, type ReplyTarget, type Share, spendParsed } from "../work/index.js";
import { encodeHistory, readHistoryPage } from "./history.js";
import { listMembers as listMembersPage, listRooms as listRoomsPage } from "./listing.js";
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

/** What the call costs is accounted for in the target's share, and waits for its turns there. */
type UnaryCall = (format: WireFormat, request: Uint8Array, target: CallTarget) => Promise<Uint8Array>;

/** The connection that a call came on, and what its reply goes to. */
export type CallTarget = ReplyTarget & { readonly share: Share };

const { sendMessage, getHistory, listRooms, listMembers, sendSignal } = ChatServiceDesc.method;

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
    return async (format, request, { share }) => {
      spendParsed(share, format, request.length);
      const ack = await hub.send(decodeNewMessage(format, request, types));
      return format === "proto" ? encodeAck(ack) : Buffer.from(ackJson(ack));
    };
  }

  private getHistory(): UnaryCall {
    const { engine } = this.deps;
    return async (format, request, target) => {
      const { share } = target;
      const asked = this.decode(getHistory.input, format, request, share);
      return inRoom(target, async () => {
        const page = await readHistoryPage(engine.log, asked, { format, json: this.json, share });
        return encodeHistory(format, page, this.json);
      });
    };
  }

  private listRooms(): UnaryCall {
    return async (format, request, target) => {
      const asked = this.decode(listRooms.input, format, request, target.share);
      return inRoom(target, () => listRoomsPage(asked, format, target.share, this.deps));
    };
  }

  private listMembers(): UnaryCall {
    return async (format, request, target) => {
      const asked = this.decode(listMembers.input, format, request, target.share);
      return inRoom(target, () => listMembersPage(asked, format, target.share, this.deps));
    };
  }

  private sendSignal(): UnaryCall {
    const { hub, types } = this.deps;
    const { input, output } = sendSignal;
    return async (format, request, { share }) => {
      spendParsed(share, format, request.length);
      hub.signal(signalFrom(decodeMessage(input, format, request, types), types));
      return encodeMessage(output, format, create(output), types);
    };
  }

  private decode<Desc extends DescMessage>(
    schema: Desc,
    format: WireFormat,
    bytes: Uint8Array,
    share: Share,
  ): MessageShape<Desc> {
    spendParsed(share, format, bytes.length);
    const message = decodeMessage(schema, format, bytes, this.deps.types);
    refuseViolations(violationsOf(schema, message));
    return message;
  }
}

/** Make a reply that may be large once there is room for it. What it costs is accounted for in the steps of making it. */
async function inRoom(target: CallTarget, make: () => Promise<Uint8Array>): Promise<Uint8Array> {
  const room = await holdRoom(target);
  const reply = await make();
  room.resize(reply.length);
  return reply;
}

function operation({ name, idempotency }: DescMethod, call: UnaryCall): [string, UnaryOperation] {
  return [name, { call, hasNoSideEffects: idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS }];
}
