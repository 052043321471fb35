import type { DescField, DescMessage } from "@bufbuild/protobuf";
import {
  ClientFrameSchema,
  ErrorSchema,
  ServerFrameSchema,
  SubscribedSchema,
} from "@confab/contract/gen/confab/v1/frame_pb";
import { ChatMessageSchema, UserSchema } from "@confab/contract/gen/confab/v1/message_pb";
import type { HttpRoute } from "../service/http-routes.js";
import { commentOf } from "./comments.js";
import { crossFieldRules } from "./cross-field.js";
import type { SchemaSet } from "./json-schema.js";
import { queryFields } from "./query-fields.js";
import type { JsonSchema } from "./schema.js";

/** A message of a channel, as the contract has it or wrapped in one property. */
export interface ChannelMessage {
  readonly name: string;
  readonly type: DescMessage;
  readonly from: "client" | "server" | "both";
  readonly summary: string;
  readonly wrappedIn?: string;
}

/** One way to exchange messages at one address. */
export interface Channel {
  readonly key: string;
  readonly address: string;
  readonly title: string;
  readonly server: "websocket" | "http";
  readonly contentType: string;
  readonly messages: readonly ChannelMessage[];
  readonly parameters?: Readonly<Record<string, object>>;
  readonly channelBindings?: object;
  readonly operationBindings?: object;
}

/** The tutorials' WebSocket. */
export function plainChat(schemas: SchemaSet): Channel {
  return {
    key: "chatPlain",
    address: "/chat",
    title: "WebSocket without a subprotocol: the messages of one room, one ChatMessage a frame",
    server: "websocket",
    contentType: "application/json",
    messages: [
      {
        name: "ChatMessage",
        type: ChatMessageSchema,
        from: "both",
        summary: "A message to send, or a message of the room",
      },
      { name: "Error", type: ErrorSchema, from: "server", summary: "What a frame did wrong", wrappedIn: "error" },
    ],
    channelBindings: {
      ws: { method: "GET", query: querySchema(UserSchema, UserSchema.fields, schemas), bindingVersion: "0.1.0" },
    },
  };
}

/** The WebSocket that carries frames. */
export function framedChat(key: string, subprotocol: string, contentType: string): Channel {
  const offered = { type: "string", description: "The offered subprotocols", examples: [subprotocol] };
  const headers = {
    type: "object",
    required: ["Sec-WebSocket-Protocol"],
    properties: { "Sec-WebSocket-Protocol": offered },
  };
  return {
    key,
    address: "/chat",
    title: `WebSocket with the subprotocol ${subprotocol}: many rooms, requests and answers`,
    server: "websocket",
    contentType,
    messages: [
      { name: "ClientFrame", type: ClientFrameSchema, from: "client", summary: "What a client says" },
      { name: "ServerFrame", type: ServerFrameSchema, from: "server", summary: "An answer or a push" },
    ],
    channelBindings: { ws: { method: "GET", headers, bindingVersion: "0.1.0" } },
  };
}

/** Server-sent events, at the route that the contract gives them. */
export function eventStream({ template, rpc, segments }: HttpRoute, schemas: SchemaSet): Channel {
  const inPath = segments.flatMap((segment) => (segment.kind === "variable" ? [segment.path.leaf] : []));
  const inQuery = rpc.input.fields.filter((field) => !inPath.includes(field));
  return {
    key: "events",
    address: template,
    title: "Server-sent events: the messages of one room",
    server: "http",
    contentType: "application/json",
    messages: [
      {
        name: "subscribed",
        type: SubscribedSchema,
        from: "server",
        summary: "The first event; its id is where the stream starts",
      },
      { name: "message", type: rpc.output, from: "server", summary: "An event without a name; its id is its position" },
      { name: "error", type: ErrorSchema, from: "server", summary: "Why the server ends the stream" },
    ],
    parameters: Object.fromEntries(
      inPath.map((field) => [
        field.name,
        { description: commentOf(field) || `${field.parent.typeName}.${field.name}` },
      ]),
    ),
    operationBindings: {
      http: { method: "GET", query: querySchema(rpc.input, inQuery, schemas), bindingVersion: "0.3.0" },
    },
  };
}

function querySchema(message: DescMessage, fields: readonly DescField[], schemas: SchemaSet): JsonSchema {
  const described = (field: DescField): JsonSchema => {
    const description = commentOf(field);
    return { ...schemas.parameter(field), ...(description !== "" && { description }) };
  };
  const rules = crossFieldRules(message).schemas;
  return {
    type: "object",
    properties: Object.fromEntries(queryFields(fields).map(({ name, field }) => [name, described(field)])),
    ...(rules.length > 0 && { allOf: rules }),
  };
}
