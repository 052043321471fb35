import { create, toBinary } from "@bufbuild/protobuf";
import { UserSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { benchRoom, deliveredProtobuf, sentProtobuf } from "../chat-text.js";
import {
  callFrames,
  callHeaders,
  GrpcMessageCounter,
  grpcPrefixBytes,
  sendMessagePath,
  streamMessagesPath,
} from "../grpc-calls.js";
import { Http2Connection } from "../http2-connection.js";
import { clientPreface, initialWindowBytes } from "../http2-frames.js";
import { confabPositions } from "./confab-positions.js";
import type { ResumeWire, Wire, WireEvents, WireReader } from "./wire.js";

/** The first stream of a client (RFC 9113 §5.1.1); the following have the next odd numbers. */
const firstStream = 1;

/**
 * gRPC by hand: one connection and one StreamMessages for each subscriber, and one connection of pipelined SendMessage
 * calls for the publisher, to Confab or to a peer that passes on what it is sent.
 */
export function grpcWire(server: "confab" | "peer"): Wire {
  const user = toBinary(UserSchema, create(UserSchema, { room: benchRoom }));
  const sendHeaders = callHeaders(sendMessagePath);
  const encode = server === "confab" ? sentProtobuf : deliveredProtobuf;
  return {
    subscriberGreeting: Buffer.concat([
      clientPreface(),
      callFrames(firstStream, callHeaders(streamMessagesPath), user),
    ]),
    publisherGreeting: clientPreface(),
    createReader: createSubscriberReader,
    createPublisherReader,
    publisherWindowBytes: initialWindowBytes,
    publication(text, index) {
      const message = encode(text);
      return {
        bytes: callFrames(firstStream + 2 * index, sendHeaders, message),
        windowBytes: grpcPrefixBytes + message.length,
      };
    },
  };
}

/** gRPC for readers that come back: the connection first, then the call. */
export function grpcResumeWire(): ResumeWire {
  const positions = confabPositions();
  const headers = callHeaders(streamMessagesPath);
  return {
    greeting: clientPreface(),
    prepare: positions.prepare,
    subscribe(after) {
      const user = create(UserSchema, { room: benchRoom, after: positions.of(after) });
      return callFrames(firstStream, headers, toBinary(UserSchema, user));
    },
    createReader: createSubscriberReader,
  };
}

function createSubscriberReader(events: WireEvents): WireReader {
  const counter = new GrpcMessageCounter();
  const connection = new Http2Connection({
    // A server may hold back the response's headers until the first message, so this is the first sign of it.
    settings: () => events.opened(),
    data: (_stream, bytes, start, end) => events.payload(counter.push(bytes, start, end), bytes, start, end),
    ended: () => events.failed("the server ended the stream"),
    owed: (bytes) => events.owed(bytes),
    granted: (stream, windowBytes) => (stream === 0 ? events.granted(windowBytes) : undefined),
    failed: (reason) => events.failed(reason),
  });
  return (bytes, length) => connection.push(bytes, length);
}

function createPublisherReader(events: WireEvents): WireReader {
  const answeredStreams = new Set<number>();
  const connection = new Http2Connection({
    settings: () => events.opened(),
    data: (stream) => answeredStreams.add(stream),
    // Without a reply before its end, a call has failed.
    ended: (stream) =>
      answeredStreams.delete(stream) ? undefined : events.failed(`SendMessage on stream ${stream} failed`),
    owed: (bytes) => events.owed(bytes),
    granted: (stream, windowBytes) => (stream === 0 ? events.granted(windowBytes) : undefined),
    failed: (reason) => events.failed(reason),
  });
  return (bytes, length) => connection.push(bytes, length);
}
