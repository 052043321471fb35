import { utf8Encoder } from "@confab/contract";
import * as contract from "@confab/contract/gen/confab/v1/tables";
import type {
  HistoryRequest,
  ListenRequest,
  MarkReadRequest,
  MembersRequest,
  OutgoingBatch,
  OutgoingChange,
  OutgoingMessage,
  OutgoingSignal,
  PrefixRequest,
  ReadMarksRequest,
  RoomsRequest,
} from "../link.js";
import type { PayloadConverter } from "../payload.js";
import { encodeJson } from "./json.js";
import { wirePosition } from "./positions.js";
import { encodeProto } from "./proto.js";
import type { Init, Table } from "./table.js";

/** The two spellings of every message of the contract. */
export type WireFormat = "proto" | "json";

/** A message of the contract that is to be sent. */
export interface Request<T extends Table = Table> {
  readonly table: T;
  readonly message: Init<T>;
}

/** Encode a request for the wire. @throws MALFORMED_MESSAGE: a JSON payload cannot be encoded in Protobuf. */
export function encodeRequest<T extends Table>(
  format: WireFormat,
  { table, message }: Request<T>,
  types: PayloadConverter,
): Uint8Array<ArrayBuffer> {
  return format === "json"
    ? utf8Encoder().encode(requestJson({ table, message }, types))
    : encodeProto(table, message, types);
}

/** A request as proto3 JSON. */
export function requestJson<T extends Table>({ table, message }: Request<T>, types: PayloadConverter): string {
  return JSON.stringify(encodeJson(table, message, types));
}

export function sendRequest({ user, text, room, id, payload }: OutgoingMessage): Request<typeof contract.chatMessage> {
  return { table: contract.chatMessage, message: { user, text, room, id, payload } };
}

export function sendAllRequest(batch: OutgoingBatch): Request<typeof contract.sendMessagesRequest> {
  const { room, messages, expected } = batch;
  return {
    table: contract.sendMessagesRequest,
    message: {
      room,
      messages: messages.map((message) => sendRequest(message).message),
      expected: wirePosition("expected", expected),
    },
  };
}

const changeTables = {
  edit: contract.editMessageRequest,
  delete: contract.deleteMessageRequest,
  react: contract.reactRequest,
} as const;

export function changeRequest({
  kind,
  position,
  ...rest
}: OutgoingChange): Request<(typeof changeTables)[typeof kind]> {
  return { table: changeTables[kind], message: { ...rest, position: wirePosition("position", position) } };
}

export function readerRequest(request: ListenRequest): Request<typeof contract.user> {
  const { user, room, after, history, changes, filter } = request;
  const position = wirePosition("after", after);
  return { table: contract.user, message: { name: user, room, history, changes, filter, after: position } };
}

/**
 * Room for positions in one frame, in bytes, where a name counts with `positionBytes` besides: whatever the server's
 * `maxMessageBytes` is, the frame is not larger than it may be, in either format.
 */
const maxPositionsBytes = 1_700;
const positionBytes = 24;

/** A request for a prefix, in as many frames as its positions need. Only the last one is answered. */
export function prefixRequests(request: PrefixRequest, signals: boolean): Init<typeof contract.subscribePrefix>[] {
  const { prefix, user, after = [], resumed, history, changes } = request;
  const whole = { prefix, name: user, resumed, history, changes, signals };
  const parts: Init<typeof contract.subscribePrefix>[] = [];
  let places: Init<typeof contract.roomPosition>[] = [];
  let left = maxPositionsBytes;
  for (const [room, position] of after) {
    left -= room.length + positionBytes;
    if (left < 0) {
      parts.push({ prefix, after: places, more: true });
      places = [];
      left = maxPositionsBytes - room.length - positionBytes;
    }
    places.push({ room, position: wirePosition("after", position) });
  }
  parts.push({ ...whole, after: places });
  return parts;
}

export function historyRequest(request: HistoryRequest): Request<typeof contract.getHistoryRequest> {
  const { room, limit, oldestFirst, changes, history, folded, filter } = request;
  const [after, before] = [wirePosition("after", request.after), wirePosition("before", request.before)];
  return {
    table: contract.getHistoryRequest,
    message: { room, limit, oldestFirst, changes, history, folded, filter, after, before },
  };
}

export function roomsRequest(request: RoomsRequest = {}): Request<typeof contract.listRoomsRequest> {
  const { prefix, limit, page, reader } = request;
  return { table: contract.listRoomsRequest, message: { prefix, limit, page, reader } };
}

export function membersRequest(request: MembersRequest): Request<typeof contract.listMembersRequest> {
  const { room, limit, page } = request;
  return { table: contract.listMembersRequest, message: { room, limit, page } };
}

export function markReadRequest({ user, room, position }: MarkReadRequest): Request<typeof contract.markReadRequest> {
  return { table: contract.markReadRequest, message: { user, room, position: wirePosition("position", position) } };
}

export function readMarksRequest(request: ReadMarksRequest): Request<typeof contract.listReadMarksRequest> {
  const { room, user, limit, page } = request;
  return { table: contract.listReadMarksRequest, message: { room, user, limit, page } };
}

export function signalRequest(signal: OutgoingSignal): Request<typeof contract.signal> {
  const { user, room, kind, payload } = signal;
  return {
    table: contract.signal,
    message: { user, room, kind, payload, position: wirePosition("position", signal.position) },
  };
}

/** What a ClientFrame says, beside its number. */
export type FrameBody = Omit<Init<typeof contract.clientFrame>, "request">;

/** Encode a ClientFrame: text in JSON, bytes in Protobuf. */
export function encodeClientFrame(
  format: WireFormat,
  id: number,
  body: FrameBody,
  types: PayloadConverter,
): string | Uint8Array<ArrayBuffer> {
  const frame = { table: contract.clientFrame, message: { request: id, ...body } };
  return format === "json" ? requestJson(frame, types) : encodeRequest(format, frame, types);
}
