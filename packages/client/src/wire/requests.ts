import {
  create,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import type { PayloadTypes } from "@confab/contract";
import { type ClientFrame, ClientFrameSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import { ChatMessageSchema, UserSchema } from "@confab/contract/gen/confab/v1/message_pb";
import {
  GetHistoryRequestSchema,
  ListMembersRequestSchema,
  ListRoomsRequestSchema,
  SignalSchema,
} from "@confab/contract/gen/confab/v1/room_pb";
import type {
  HistoryRequest,
  ListenRequest,
  MembersRequest,
  MessagePayload,
  OutgoingMessage,
  OutgoingSignal,
  RoomsRequest,
} from "../link.js";
import { encodedPayload, isJsonObject, payloadJson } from "./payloads.js";
import { wirePosition } from "./positions.js";

/** The two spellings of every message of the contract. */
export type WireFormat = "proto" | "json";

const utf8 = new TextEncoder();

/**
 * A request of the contract. Its payload stands apart, because JSON may carry payloads of types that this program does
 * not know, and generated messages cannot.
 */
export interface Request<Desc extends DescMessage = DescMessage> {
  readonly schema: Desc;
  readonly init: MessageInitShape<Desc>;
  readonly payload?: MessagePayload | undefined;
}

/** Encode a request for the wire. @throws MALFORMED_MESSAGE: a JSON payload cannot be encoded in Protobuf. */
export function encodeRequest<Desc extends DescMessage>(
  format: WireFormat,
  request: Request<Desc>,
  types: PayloadTypes,
): Uint8Array<ArrayBuffer> {
  return format === "json"
    ? utf8.encode(requestJson(request, types))
    : toBinary(request.schema, requestMessage(request, types));
}

function requestMessage<Desc extends DescMessage>(
  { schema, init, payload }: Request<Desc>,
  types: PayloadTypes,
): MessageShape<Desc> {
  const message = create(schema, init);
  if (payload) Object.assign(message, { payload: create(AnySchema, encodedPayload(payload, types)) });
  return message;
}

/** A request as proto3 JSON. */
export function requestJson<Desc extends DescMessage>(
  { schema, init, payload }: Request<Desc>,
  types: PayloadTypes,
): string {
  const json = toJson(schema, create(schema, init), { registry: types.registry });
  return JSON.stringify(payload && isJsonObject(json) ? { ...json, payload: payloadJson(payload, types) } : json);
}

export function sendRequest({
  user,
  text = "",
  room = "",
  id = "",
  payload,
}: OutgoingMessage): Request<typeof ChatMessageSchema> {
  return { schema: ChatMessageSchema, init: { user, text, room, id }, payload };
}

export function readerRequest({ user = "", room = "", after, history = 0 }: ListenRequest): Request<typeof UserSchema> {
  const position = wirePosition("after", after);
  return { schema: UserSchema, init: { name: user, room, history, ...(position && { after: position }) } };
}

export function historyRequest({
  room = "",
  after,
  before,
  limit = 0,
  oldestFirst = false,
}: HistoryRequest): Request<typeof GetHistoryRequestSchema> {
  const afterPosition = wirePosition("after", after);
  const beforePosition = wirePosition("before", before);
  const init = {
    room,
    limit,
    oldestFirst,
    ...(afterPosition && { after: afterPosition }),
    ...(beforePosition && { before: beforePosition }),
  };
  return { schema: GetHistoryRequestSchema, init };
}

export function roomsRequest({
  prefix = "",
  limit = 0,
  page = "",
}: RoomsRequest = {}): Request<typeof ListRoomsRequestSchema> {
  return { schema: ListRoomsRequestSchema, init: { prefix, limit, page } };
}

export function membersRequest({
  room = "",
  limit = 0,
  page = "",
}: MembersRequest): Request<typeof ListMembersRequestSchema> {
  return { schema: ListMembersRequestSchema, init: { room, limit, page } };
}

export function signalRequest({
  user,
  room = "",
  kind,
  position,
  payload,
}: OutgoingSignal): Request<typeof SignalSchema> {
  const at = wirePosition("position", position);
  return { schema: SignalSchema, init: { user, room, kind, ...(at && { position: at }) }, payload };
}

export type FrameCase = Exclude<ClientFrame["frame"]["case"], undefined>;

/** Encode a ClientFrame around a request of the contract: text in JSON, bytes in Protobuf. */
export function encodeClientFrame<Desc extends DescMessage>(
  format: WireFormat,
  id: number,
  frame: { readonly case: FrameCase; readonly request: Request<Desc> },
  types: PayloadTypes,
): string | Uint8Array<ArrayBuffer> {
  if (format === "json") return `{"request":${id},${JSON.stringify(frame.case)}:${requestJson(frame.request, types)}}`;
  // Which request belongs to which case is known where frames are made, in one place: frame-link.ts.
  const body = { case: frame.case, value: requestMessage(frame.request, types) } as unknown as ClientFrame["frame"];
  return toBinary(ClientFrameSchema, create(ClientFrameSchema, { request: id, frame: body }));
}
