import type { PayloadTypes } from "@confab/contract";
import { HttpRoutes } from "../service/http-routes.js";
import { type Channel, type ChannelMessage, eventStream, framedChat, plainChat } from "./asyncapi-channels.js";
import { SchemaSet } from "./json-schema.js";

export interface AsyncApiOptions {
  readonly version: string;
  /** What payloads may be made of. */
  readonly types: PayloadTypes;
  readonly isTls: boolean;
}

/**
 * Where clients reach the server. A variable, since the server may have many names: so the document is the same for every
 * request, is made once, and repeats nothing that a client says of itself.
 */
const address = {
  host: "{host}",
  variables: { host: { default: "127.0.0.1:8080", description: "Name or address, and port, of the server" } },
} as const;

/**
 * The WebSocket in its three forms and the event stream as AsyncAPI 3.0, generated from the contract's descriptors. As the
 * specification asks, it is told from the server's side: what clients send, it receives.
 *
 * @see asyncapi.com/docs/reference/specification/v3.0.0
 */
export function asyncApiDocument({ version, types, isTls }: AsyncApiOptions): object {
  const schemas = new SchemaSet(types.registry);
  const streams = HttpRoutes.ofContract().all.filter(({ rpc }) => rpc.methodKind === "server_streaming");
  const channels: readonly Channel[] = [
    plainChat(schemas),
    framedChat("chatJson", "confab.v1.json", "application/json"),
    framedChat("chatProtobuf", "confab.v1.proto", "application/protobuf"),
    ...streams.map((route) => eventStream(route, schemas)),
  ];
  return {
    asyncapi: "3.0.0",
    info: {
      title: "Confab",
      version,
      description:
        "Generated from the contract, confab.v1. The frames of the Protobuf form are shown here as the JSON that says the same.",
      license: { name: "Apache-2.0" },
    },
    servers: {
      websocket: { ...address, protocol: isTls ? "wss" : "ws", description: "WebSockets" },
      http: { ...address, protocol: isTls ? "https" : "http", description: "Server-sent events" },
    },
    defaultContentType: "application/json",
    channels: Object.fromEntries(channels.map((channel) => [channel.key, channelObject(channel, schemas)])),
    operations: Object.fromEntries(channels.flatMap(operationsOf)),
    components: { schemas: schemas.all() },
  };
}

function channelObject(channel: Channel, schemas: SchemaSet): object {
  const { address, title, server, parameters, channelBindings } = channel;
  return {
    address,
    title,
    servers: [{ $ref: `#/servers/${server}` }],
    messages: Object.fromEntries(
      channel.messages.map((message) => [message.name, messageObject(message, channel, schemas)]),
    ),
    ...(parameters && { parameters }),
    ...(channelBindings && { bindings: channelBindings }),
  };
}

function messageObject(
  { name, type, summary, wrappedIn }: ChannelMessage,
  { contentType }: Channel,
  schemas: SchemaSet,
): object {
  const ref = schemas.ref(type);
  const payload =
    wrappedIn === undefined ? ref : { type: "object", required: [wrappedIn], properties: { [wrappedIn]: ref } };
  return { name, summary, contentType, payload };
}

/** What the server receives at a channel, and what it sends there. */
function operationsOf(channel: Channel): [string, object][] {
  return (["receive", "send"] as const).flatMap((action): [string, object][] => {
    const from = action === "receive" ? "client" : "server";
    const messages = channel.messages.filter((message) => message.from === from || message.from === "both");
    if (messages.length === 0) return [];
    const operation = {
      action,
      channel: { $ref: `#/channels/${channel.key}` },
      messages: messages.map(({ name }) => ({ $ref: `#/channels/${channel.key}/messages/${name}` })),
      ...(channel.operationBindings && { bindings: channel.operationBindings }),
    };
    return [[`${channel.key}.${action}`, operation]];
  });
}
