/**
 * Bytes of the messages in one reply or frame, in the encoding that is sent. Clients take a limited message: gRPC libraries
 * 4 MiB, Python's `websockets` 1 MiB. Below the smaller of these, with room for what stands around the messages (positions,
 * a request id, the prefix of a frame: together under 300 bytes in JSON). A single larger message goes alone.
 */
export const maxReplyMessagesBytes = 1_048_576 - 1_024;
