export { BodyFilter } from "./body-filter.js";
export {
  type Ack,
  type DecodedMessage,
  decodeChatMessage,
  encodeAck,
  encodeBody,
  positionFieldLength,
  writePositionField,
} from "./chat-message-codec.js";
export { EnvelopeReader, envelopeBytes, enveloped, envelopeFlag, writeEnvelope } from "./envelope.js";
export { errorDetails } from "./error-details.js";
export { errorMeanings } from "./error-meanings.js";
export {
  ConfabError,
  confabErrorFrom,
  connectCodeFrom,
  type ErrorCode,
  type ErrorFacts,
  type ErrorKind,
  errorKinds,
  type GrpcStatusName,
  grpcStatus,
  type Violation,
} from "./errors.js";
export { GatheredBytes, keptBytes } from "./gathered-bytes.js";
export {
  ackJson,
  chatMessageJson,
  messageFromJson,
  messageFromJsonValue,
  messageJson,
  parseJson,
  payloadMemberJson,
  positionJson,
} from "./json.js";
export { type Limit, type LimitName, type Limits, limits, limitsWith } from "./limits.js";
export {
  type ChangeKind,
  defaultDedupeWindowMs,
  defaultRoom,
  type MessageChange,
  type NewChange,
  type NewMessage,
  type Payload,
  type SentMessage,
  type StoredMessage,
} from "./message.js";
export { decodeChange, isChange } from "./message-change-codec.js";
export { bodyWithView, type MessageView, messageViewFrom } from "./message-view.js";
export { checkPayloadForm, payloadValueFromBase64 } from "./payload-form.js";
export { PayloadTypes } from "./payload-types.js";
export { pieceOf } from "./piece.js";
export { formatPosition, type Position, parsePosition } from "./position.js";
export { bytesForm, bytesFrom, durationForm, durationMsFrom } from "./quantities.js";
export { utf8Encoder } from "./utf8.js";
export { utf8Length, varintLength, WireReader, writeVarint } from "./wire.js";
