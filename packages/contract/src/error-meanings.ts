import type { ErrorCode } from "./errors.js";

/**
 * What each error means, for documents. Beside the catalogue and not in it: a page that takes in the SDK gets the catalogue,
 * and shows the message of an error instead.
 */
export const errorMeanings: Readonly<Record<ErrorCode, string>> = {
  MALFORMED_MESSAGE:
    "The bytes are not a message: broken JSON, Protobuf, UTF-8, envelope or compression; or they are nested too deep",
  WRONG_FRAME_TYPE: "A WebSocket text frame where a binary one is expected, or the reverse",
  INVALID_MESSAGE: "The message breaks a constraint of the contract; the details name each field",
  PAYLOAD_TOO_LARGE: "The message, or a batch as a whole, is larger than maxMessageBytes",
  UNKNOWN_METHOD: "No such RPC",
  UNKNOWN_PATH: "There is no such path",
  UNKNOWN_HOST: "The request names a host that this server does not answer to; allow it with --allow-host",
  METHOD_NOT_ALLOWED: "The path exists, but not for this HTTP verb",
  UNSUPPORTED_MEDIA_TYPE: "The content type is not one that this path accepts",
  UNSUPPORTED_COMPRESSION: "The compression is neither identity nor gzip",
  UNSUPPORTED_SUBPROTOCOL: "None of the offered WebSocket subprotocols is spoken here",
  PROTOCOL_VIOLATION: "The peer broke the rules of its transport",
  WRONG_MESSAGE_COUNT: "A call that takes one message got none, or more than one",
  BROKEN_COMPRESSION:
    "A message is marked as compressed and no compression is named, or gRPC or gRPC-Web sent it as gzip and it is not",
  INVALID_TIMEOUT: "The timeout header is malformed",
  DEADLINE_EXCEEDED: "The caller's deadline passed first; a send may still have been stored",
  CANCELLED: "The caller went away",
  OUT_OF_RANGE:
    "The position cannot be resumed from: trimmed, of another epoch or another room, or past the end; the details say what the log holds",
  UNEXPECTED_POSITION:
    "The newest position of the room is not the expected one: nothing was stored; the details say what the log holds",
  MESSAGE_DELETED: "The message was deleted or erased: it cannot be edited, deleted again or reacted to",
  ALREADY_SUBSCRIBED: "This connection already reads the room",
  NOT_SUBSCRIBED: "This connection does not read the room",
  TOO_MANY_SUBSCRIPTIONS:
    "This connection reads maxRoomsPerConnection rooms already, or a prefix has more than maxRoomsPerPrefix rooms",
  TOO_MANY_FILTERS: "Readers of the room have maxFiltersPerRoom different filters already",
  TOO_MANY_CONNECTIONS: "The server, a user or an address has as many connections as its limit allows",
  TOO_MANY_REQUESTS: "This connection has too many requests in flight, or too many bytes of incomplete ones",
  RATE_LIMITED:
    "Too much in too short a time, by one connection, user or address; the text names the limit, and the details say how long to wait",
  TOO_MANY_ROOMS: "The server holds maxRooms rooms already",
  TOO_MANY_READ_MARKS: "The room holds maxReadMarksPerRoom read marks already",
  HEADERS_TOO_LARGE: "The request's headers are larger than maxHeaderBytes",
  REQUEST_TIMEOUT: "The request did not arrive whole in time",
  UNAUTHENTICATED: "A valid token is needed; the text says what is wrong with the one that was sent",
  TOKEN_EXPIRED:
    "The token has expired: send a new one, in a frame or on a new connection, and read on after the last position",
  KEYS_UNAVAILABLE: "The keys that verify tokens cannot be fetched now",
  PERMISSION_DENIED: "The caller's token or the server's rules do not allow this here",
  DISCONNECTED: "An operator ended the connection: do not come back by yourself. The text may say why",
  HOOK_REFUSED: "The team's own code refuses it, by a hook: nothing was done. The text is the hook's",
  HOOK_FAILED: "A hook that must be asked first did not answer, or not as it should: nothing was done",
  STORAGE_FULL: "The disk or Redis's memory is full, or the log takes maxLogBytes: nothing was stored; reading goes on",
  OVERLOADED:
    "Too many sends wait for the log, too many pages for their readers, or too many bytes of incomplete requests: nothing was done",
  NEWER_FORMAT:
    "A newer version has stored the room in a format that this node does not know: nothing was done. Another node may know it; other rooms are not concerned",
  ENGINE_UNAVAILABLE: "The log cannot be reached: nothing was stored",
  OUTCOME_UNKNOWN:
    "The send may or may not have been stored: send it again with the same id, within the server's dedupe window",
  SHUTTING_DOWN: "This server is about to stop; another one, or this one later, takes over",
  RECONNECT: "An operator ended the connection: connect again, and read on after the last position",
  PING_TIMEOUT: "The peer did not answer a ping",
  SLOW_READER:
    "Bytes waited for this reader, and it took none of them for readerStallMs: subscribe again after the last position",
  IDLE_STREAM:
    "Nothing was sent on this Connect or gRPC-Web stream for idleStreamEndMs; read on after the position in its trailer confab-position",
  DATA_LOSS: "What was asked for cannot be read from the log: the disk has changed it. The rest can be read",
  INTERNAL: "A bug in the server",
};
