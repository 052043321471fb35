import {
  type DescField,
  type DescMessage,
  type DescMethod,
  fromJson,
  type JsonObject,
  toBinary,
  toJsonString,
} from "@bufbuild/protobuf";
import { EnvelopeReader, enveloped } from "@confab/contract";
import {
  DisconnectRequestSchema,
  ListConnectionsRequestSchema,
} from "@confab/contract/gen/confab/v1/admin_connections_pb";
import { PublishRequestSchema } from "@confab/contract/gen/confab/v1/admin_rooms_pb";
import {
  AdminService,
  EraseMessageRequestSchema,
  RevokeRequestSchema,
} from "@confab/contract/gen/confab/v1/admin_service_pb";
import { ChatService } from "@confab/contract/gen/confab/v1/chat_service_pb";
import { ClientFrameSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import {
  DeleteMessageRequestSchema,
  EditMessageRequestSchema,
  ReactRequestSchema,
} from "@confab/contract/gen/confab/v1/message_pb";
import { MarkReadRequestSchema } from "@confab/contract/gen/confab/v1/read_mark_pb";
import { SubscribePrefixSchema } from "@confab/contract/gen/confab/v1/room_prefix_pb";
import { violationsOf } from "@confab/contract/validation";
import { HttpRoutes } from "../../../../server/dist/service/http-routes.js";
import {
  base64Decoded,
  codeFromTrailers,
  frameWithoutDetails,
  grpcCall,
  type Outcome,
  overWebSocket,
  reasonFrom,
  tooLong,
} from "../../parity/raw-clients.js";
import { endingCode } from "../../parity/raw-readers.js";

/** What a request shows, as header fields. */
export type Shown = Readonly<Record<string, string>>;

/** One operation of the contract by one way. */
export interface Way {
  readonly name: string;
  /** It needs the permission `admin`, which tokens do not have by default. */
  readonly isAdmins: boolean;
  /** `done`, or the catalogue's code of the refusal. */
  ask(url: string, shown: Shown): Promise<Outcome>;
}

const done: Outcome = "done";

/** What a request says in a field of this name; other fields are left out. Requests are in room `den`. */
const values: Readonly<Record<string, string | number>> = {
  room: "den",
  user: "ann",
  name: "ann",
  text: "hi",
  kind: "typing",
  history: 1,
};

const ofNoMessage = { epoch: 1, offset: "1" };

/** Requests that the values above do not fit: this one would revoke the tokens of the other requests. */
const requests: Readonly<Record<string, JsonObject>> = {
  [PublishRequestSchema.typeName]: { rooms: ["den"], message: { user: "ann", text: "hi" } },
  [RevokeRequestSchema.typeName]: { token_id: "of no token" },
  // Of no message: where they are let through, the log says so.
  [EraseMessageRequestSchema.typeName]: { room: "den", position: ofNoMessage },
  // Of a user without connections.
  [ListConnectionsRequestSchema.typeName]: { user: "no-one" },
  [DisconnectRequestSchema.typeName]: { user: "no-one" },
  [EditMessageRequestSchema.typeName]: { room: "den", user: "ann", position: ofNoMessage, text: "hi" },
  [DeleteMessageRequestSchema.typeName]: { room: "den", user: "ann", position: ofNoMessage },
  [SubscribePrefixSchema.typeName]: { prefix: "den", name: "ann" },
  [MarkReadRequestSchema.typeName]: { room: "den", user: "ann", position: ofNoMessage },
  [ReactRequestSchema.typeName]: { room: "den", user: "ann", position: ofNoMessage, emoji: "+1" },
};

/** Frames that do nothing in a room: they need no permission. */
const otherFrames: readonly string[] = ["unsubscribe", "authenticate", "pong"];

/** Every RPC, route and frame of the contract over every transport. @throws Error: one of them needs a value above. */
export function allWays(): readonly Way[] {
  const services = [ChatService, AdminService];
  const rpcs = services.flatMap(({ methods }) => methods).filter(({ methodKind }) => methodKind !== "bidi_streaming");
  const frames = ClientFrameSchema.oneofs.flatMap(({ fields }) => fields);
  return [
    ...rpcs.flatMap(rpcWays),
    ...HttpRoutes.ofContract().all.map(({ rpc, verb, template }) => restWay(rpc, verb, template)),
    ...frames.filter(({ name }) => !otherFrames.includes(name)).flatMap(frameWays),
    { name: "plain WebSocket", isAdmins: false, ask: plain },
  ].map(({ ask, ...way }) => ({
    ...way,
    ask: async (url: string, shown: Shown) => {
      const outcome = await ask(url, shown);
      return outcome === "OUT_OF_RANGE" ? done : outcome;
    },
  }));
}

/** A request as proto3 JSON, made from its descriptor. */
export function requestOf(desc: DescMessage): JsonObject {
  const request = requests[desc.typeName] ?? sampleOf(desc);
  const [violation] = violationsOf(desc, fromJson(desc, request));
  if (violation)
    throw new Error(`${desc.typeName}.${violation.field}: add a value for it to \`values\` in auth/testing/ways.ts`);
  return request;
}

function sampleOf({ fields }: DescMessage): JsonObject {
  const request: JsonObject = {};
  for (const { name, message, fieldKind } of fields) {
    const value = values[name];
    if (value !== undefined) request[name] = value;
    // A reader, say; positions and payloads need not be there.
    else if (message?.fields.some((field) => field.name === "room"))
      request[name] = fieldKind === "list" ? [sampleOf(message)] : sampleOf(message);
  }
  return request;
}

function rpcWays(rpc: DescMethod): readonly Way[] {
  const message = fromJson(rpc.input, requestOf(rpc.input));
  const bytes = { proto: toBinary(rpc.input, message), json: Buffer.from(toJsonString(rpc.input, message)) } as const;
  const path = `/${rpc.parent.typeName}/${rpc.name}`;
  const isAdmins = rpc.parent === AdminService;
  const isUnary = rpc.methodKind === "unary";
  const formats = ["proto", "json"] as const;
  return [
    ...formats.map((format) => ({
      name: `${rpc.name} by gRPC in ${format}`,
      isAdmins,
      ask: async (url: string, shown: Shown) => {
        const body = enveloped(0, bytes[format]);
        const reply = await grpcCall(url, path, `application/grpc+${format}`, body, () => !isUnary, shown);
        return reply.messages.length > 0 ? done : codeFromTrailers(reply.trailers);
      },
    })),
    ...formats.map((format) => ({
      name: `${rpc.name} by gRPC-Web in ${format}`,
      isAdmins,
      ask: (url: string, shown: Shown) =>
        firstEnvelope(url + path, `application/grpc-web+${format}`, bytes[format], shown),
    })),
    {
      name: `${rpc.name} by gRPC-Web in text`,
      isAdmins,
      ask: (url, shown) => firstEnvelope(url + path, "application/grpc-web-text", bytes.proto, shown),
    },
    ...formats.map((format) => ({
      name: `${rpc.name} by Connect in ${format}`,
      isAdmins,
      ask: (url: string, shown: Shown) =>
        isUnary
          ? connectUnary(url + path, format, bytes[format], shown)
          : firstEnvelope(url + path, `application/connect+${format}`, bytes[format], shown),
    })),
  ];
}

async function connectUnary(url: string, format: string, body: Uint8Array, shown: Shown): Promise<Outcome> {
  const headers = { "content-type": `application/${format}`, ...shown };
  const response = await fetch(url, { method: "POST", headers, body: Buffer.from(body) });
  const answer = await response.text();
  return response.ok ? done : (reasonFrom((JSON.parse(answer) as { details?: unknown }).details) ?? answer);
}

/** What the first envelope of an answer says: a message, or how the call ended. */
async function firstEnvelope(url: string, contentType: string, message: Uint8Array, shown: Shown): Promise<Outcome> {
  const isText = contentType.endsWith("-text");
  const envelope = Buffer.from(enveloped(0, message));
  const stop = new AbortController();
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": contentType, ...shown },
    body: isText ? envelope.toString("base64") : envelope,
    signal: stop.signal,
  });
  let outcome: Outcome | undefined;
  const envelopes = new EnvelopeReader(
    tooLong,
    (flags, content) => {
      outcome ??= flags === 0 ? done : endingCode(flags, Buffer.from(content).toString());
    },
    () => undefined,
  );
  for await (const chunk of response.body ?? []) {
    const bytes = Buffer.from(chunk as Uint8Array);
    envelopes.push(isText ? base64Decoded(bytes.toString()) : bytes);
    if (outcome !== undefined) break;
  }
  stop.abort();
  return outcome ?? `HTTP ${response.status} without an envelope`;
}

function restWay(rpc: DescMethod, verb: string, template: string): Way {
  const request = requestOf(rpc.input);
  const inPath = [...template.matchAll(/\{(\w+)\}/g)].map(([, field]) => String(field));
  const path = template.replaceAll(/\{(\w+)\}/g, (_, field: string) => String(request[field]));
  const rest = Object.fromEntries(Object.entries(request).filter(([field]) => !inPath.includes(field)));
  const isGet = verb === "GET";
  const query = isGet
    ? `?${new URLSearchParams(Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, String(value)])))}`
    : "";
  return {
    name: `${verb} ${template}`,
    isAdmins: rpc.parent === AdminService,
    ask: async (url, shown) => {
      const stop = new AbortController();
      const response = await fetch(url + path + query, {
        method: verb,
        headers: { ...(!isGet && { "content-type": "application/json" }), ...shown },
        ...(!isGet && { body: JSON.stringify(rest) }),
        signal: stop.signal,
      });
      const code = response.ok ? done : ((await response.json()) as { error: { code: string } }).error.code;
      stop.abort();
      return code;
    },
  };
}

function frameWays({ name, message }: DescField): readonly Way[] {
  const asked = message ? requestOf(message) : null;
  const frame = fromJson(ClientFrameSchema, { request: 1, [name]: asked });
  const forms = [
    ["confab.v1.proto", toBinary(ClientFrameSchema, frame)],
    ["confab.v1.json", Buffer.from(toJsonString(ClientFrameSchema, frame))],
  ] as const;
  return [
    ...forms.map(([subprotocol, bytes]) => ({
      name: `${name} on ${subprotocol}`,
      isAdmins: false,
      ask: (url: string, shown: Shown) =>
        overWebSocket(webSocketUrl(url), [subprotocol], bytes, subprotocol.endsWith("json"), frameOutcome, shown),
    })),
    ...forms.map(([subprotocol, bytes]) => ({
      name: `${name} on Converse in ${subprotocol}`,
      isAdmins: false,
      ask: async (url: string, shown: Shown) => {
        const isBinary = subprotocol.endsWith("proto");
        const contentType = `application/grpc+${isBinary ? "proto" : "json"}`;
        let outcome: Outcome | undefined;
        const isEnough = (message: Uint8Array) => {
          outcome ??= frameOutcome(Buffer.from(message), isBinary);
          return outcome !== undefined;
        };
        const path = `/${ChatService.typeName}/Converse`;
        const { trailers } = await grpcCall(url, path, contentType, enveloped(0, bytes), isEnough, shown);
        return outcome ?? codeFromTrailers(trailers);
      },
    })),
  ];
}

function frameOutcome(data: Buffer, isBinary: boolean): Outcome | undefined {
  const { request, frame } = frameWithoutDetails(data, isBinary);
  if (frame.case === "error") return frame.value.code;
  return request === 1 ? done : undefined;
}

function plain(url: string, shown: Shown): Promise<Outcome> {
  const address = `${webSocketUrl(url)}?room=den&history=1&name=ann`;
  const outcome = (data: Buffer) => (JSON.parse(data.toString()) as { error?: { code: string } }).error?.code ?? done;
  return overWebSocket(address, [], undefined, true, outcome, shown);
}

export function webSocketUrl(url: string): string {
  return `${url.replace("http", "ws")}/chat`;
}
