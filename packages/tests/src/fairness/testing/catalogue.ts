import { createRegistry, type DescMethod, fromJson, type JsonValue, toBinary } from "@bufbuild/protobuf";
import { enveloped } from "@confab/contract";
import { AdminService } from "@confab/contract/gen/confab/v1/admin_service_pb";
import { ChatService } from "@confab/contract/gen/confab/v1/chat_service_pb";
import { ClientFrameSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import { Health } from "@confab/contract/gen/grpc/health/v1/health_pb";
import { ServerReflection } from "@confab/contract/gen/grpc/reflection/v1/reflection_pb";
// By path: the table of RPCs, the routes and the pages are the server's own, and the suite must have no other list of them.
import { ContractDocuments } from "../../../../server/dist/server/documents.js";
import { documentPages, operationPages } from "../../../../server/dist/server/pages.js";
import { HttpRoutes } from "../../../../server/dist/service/http-routes.js";
import { FrameSessions, unrestricted } from "../../../../server/dist/service/index.js";
import { testService } from "../../../../server/dist/testing/test-service.js";
import { serverMethods } from "../../../../server/dist/transports/rpc/methods.js";
import { Readiness } from "../../../../server/dist/transports/rpc/services/health.js";
import type { Attack, Carrier } from "../attack.js";

/** The most expensive request that the limits allow, as proto3 JSON; several: they are sent in turn. */
interface Costly {
  readonly requests: readonly JsonValue[];
  /** Fewer of those that are large. */
  readonly times?: number;
}

/** Requests of one attack on one connection: of a cheap kind, and of one that takes milliseconds. */
const defaultTimes = 120;
const costlyTimes = 6;

const largeText: Costly = {
  requests: [{ user: "mallory", text: "x".repeat(60_000), room: "mallory" }],
  times: costlyTimes,
};
/** As many as a batch may have: small ones cost more than large ones, which the bound of a request makes few. */
const largeBatch: Costly = {
  requests: [
    { room: "mallory", messages: Array.from({ length: 100 }, (_, i) => ({ user: "mallory", text: "hi", id: `${i}` })) },
  ],
  times: costlyTimes,
};
/** All of a room is looked through for them: only its last message passes. A stream would wait for it without end otherwise. */
const last = { users: ["stranger"] };
const largePage: Costly = {
  requests: [
    { room: "large", limit: 1_000, history: 1_000, folded: true },
    { room: "large", limit: 1_000, history: 1_000, filter: last },
  ],
  times: costlyTimes,
};
/** Of no message: the texts of those that are there are needed. */
const ofNoMessage = { user: "mallory", room: "large", position: { epoch: 1, offset: "1" } };
const largeEdit = { ...ofNoMessage, text: "x".repeat(60_000) };
const reaction = { ...ofNoMessage, emoji: "+1" };
/** Each from another user, since one may send a few only. */
const largeSignals: Costly = {
  requests: Array.from({ length: 50 }, (_, i) => ({
    user: `mallory-${i}`,
    room: "large",
    kind: "typing",
    // Field 1, a string of 40,000 bytes.
    encodedPayload: {
      typeUrl: "example.com/a.B",
      value: Buffer.concat([Uint8Array.of(0x0a, 0xc0, 0xb8, 0x02), Buffer.alloc(40_000, "x")]).toString("base64"),
    },
  })),
  times: 25,
};
/** Each of another user, as the signals are. */
const marks: Costly = {
  requests: Array.from({ length: 50 }, (_, i) => ({ ...ofNoMessage, user: `mallory-${i}` })),
  times: 25,
};
const allRooms: Costly = { requests: [{ limit: 1_000, reader: "mallory" }], times: costlyTimes };
const allMembers: Costly = { requests: [{ room: "crowd", limit: 1_000 }], times: costlyTimes };
const wholeRoom: Costly = {
  requests: [
    { room: "large", history: 1_000, name: "mallory" },
    { room: "large", history: 1_000, name: "mallory", filter: last },
  ],
};

/** By the RPC's service and name. A new RPC has to come in here: the suite says so. */
const costlyCalls: Readonly<Record<string, Costly>> = {
  "ChatService/SendMessage": largeText,
  "ChatService/SendMessages": largeBatch,
  "ChatService/EditMessage": { requests: [largeEdit], times: costlyTimes },
  "ChatService/DeleteMessage": { requests: [ofNoMessage], times: costlyTimes },
  "ChatService/React": { requests: [reaction], times: costlyTimes },
  "ChatService/StreamMessages": wholeRoom,
  "ChatService/Converse": {
    requests: [{ request: 1, history: { room: "large", limit: 1_000 } }],
    times: costlyTimes,
  },
  "ChatService/GetHistory": largePage,
  "ChatService/ListRooms": allRooms,
  "ChatService/ListMembers": allMembers,
  "ChatService/SendSignal": largeSignals,
  "ChatService/MarkRead": marks,
  "ChatService/ListReadMarks": { requests: [{ room: "large", limit: 1_000 }], times: costlyTimes },
  // Of no token: those of the callers are needed.
  "AdminService/Revoke": { requests: [{ tokenId: "x".repeat(64) }], times: costlyTimes },
  "AdminService/ListRevocations": { requests: [{}], times: costlyTimes },
  // Of no message: those that are there are read by the other requests.
  "AdminService/EraseMessage": {
    requests: [{ room: "lobby", position: { epoch: 1, offset: "1" } }],
    times: costlyTimes,
  },
  "AdminService/ListConnections": { requests: [{ limit: 1_000 }], times: costlyTimes },
  // Of a user without connections: those of the callers are needed.
  "AdminService/Disconnect": { requests: [{ user: "no-one" }], times: costlyTimes },
  // Of rooms and users that are not there: what the other requests read is needed.
  "AdminService/DeleteRoom": { requests: [{ room: "nowhere" }], times: costlyTimes },
  "AdminService/SetRoomRetention": {
    requests: [{ room: "large", retention: { maxMessages: "9007199254740991" } }],
    times: costlyTimes,
  },
  "AdminService/GetRoomRetention": { requests: [{ room: "large" }], times: costlyTimes },
  "AdminService/Publish": {
    requests: [
      {
        rooms: Array.from({ length: 1_000 }, (_, n) => `published-${n}`),
        message: { user: "mallory", text: "x".repeat(8_192) },
      },
    ],
    times: costlyTimes,
  },
  // One after another: each looks at the whole log.
  "AdminService/Scrub": { requests: [{}], times: 1 },
  "AdminService/EraseUser": { requests: [{ user: "no-one" }], times: costlyTimes },
  "Health/Check": { requests: [{ service: ChatService.typeName }] },
  "Health/List": { requests: [{}] },
  "Health/Watch": { requests: [{ service: ChatService.typeName }] },
  "ServerReflection/ServerReflectionInfo": { requests: [{ fileContainingSymbol: ChatService.typeName }] },
};

/** By the member of ClientFrame's `frame`. */
const costlyFrames: Readonly<Record<string, Costly>> = {
  subscribe: subscribing(),
  unsubscribe: subscribing(),
  // `large` and `lobby`, and rooms that other requests make.
  subscribe_prefix: {
    requests: ["l", "m"].flatMap((prefix) => [
      { request: 1, subscribePrefix: { prefix, history: 1_000, name: "mallory", presence: true, signals: true } },
      { request: 1, unsubscribe: { prefix } },
    ]),
  },
  send: { requests: [{ request: 1, send: largeText.requests[0] ?? null }], times: costlyTimes },
  send_all: { requests: [{ request: 1, sendAll: largeBatch.requests[0] ?? null }], times: costlyTimes },
  edit: { requests: [{ request: 1, edit: largeEdit }], times: costlyTimes },
  delete: { requests: [{ request: 1, delete: ofNoMessage }], times: costlyTimes },
  react: { requests: [{ request: 1, react: reaction }], times: costlyTimes },
  signal: { requests: largeSignals.requests.map((signal) => ({ request: 1, signal })), times: 25 },
  mark_read: { requests: marks.requests.map((markRead) => ({ request: 1, markRead })), times: 25 },
  history: {
    requests: [
      { request: 1, history: { room: "large", limit: 1_000 } },
      { request: 1, history: { room: "large", limit: 1_000, filter: last } },
    ],
    times: costlyTimes,
  },
  authenticate: { requests: [{ request: 1, authenticate: { token: "x".repeat(8_192) } }] },
  pong: { requests: [{ pong: {} }], times: 1_000 },
};

function subscribing(): Costly {
  const reader = { room: "large", history: 1_000, name: "mallory" };
  const subscribe = { request: 1, subscribe: { reader, presence: true, signals: true } };
  const filtered = { request: 1, subscribe: { reader: { ...reader, filter: last } } };
  const unsubscribe = { request: 1, unsubscribe: { room: "large" } };
  return { requests: [subscribe, unsubscribe, filtered, unsubscribe] };
}

type Format = "json" | "proto";

/** Descriptors by service and name; v1alpha of reflection has the messages of v1. */
const descriptors = new Map<string, DescMethod>(
  [ChatService, AdminService, Health, ServerReflection].flatMap((service) =>
    service.methods.map((method) => [`${service.name}/${method.name}`, method] as const),
  ),
);
const types = createRegistry();

/** What has no attack: each a sentence that says what to add. */
export const missing = new Set<string>();

function costly(table: Readonly<Record<string, Costly>>, name: string, where: string): Costly {
  const found = table[name];
  if (found) return found;
  missing.add(`${name}: add its most expensive request to \`${where}\` in fairness/testing/catalogue.ts`);
  return { requests: [] };
}

/** Attacks on every RPC, by the server's own table. `protocols`: fields of the request and whether its message is in an envelope. */
export function callAttacks(protocols: readonly Protocol[], factor = 1): Attack[] {
  return [...rpcTable()].flatMap(([path, { kind }]) => {
    // The tutorials' names without a package are the same methods.
    if (!path.includes(".")) return [];
    const name = path.slice(path.lastIndexOf(".", path.lastIndexOf("/")) + 1).replace(/^\//, "");
    const desc = descriptors.get(name);
    const { requests, times = defaultTimes } = costly(costlyCalls, name, "costlyCalls");
    if (desc === undefined) missing.add(`${name}: add its service to \`descriptors\` in fairness/testing/catalogue.ts`);
    if (desc === undefined || requests.length === 0) return [];
    const carrier: Carrier = {
      unary: "h2",
      "server-stream": "h2-streams",
      "client-stream": "h2-messages",
      bidi: "h2-messages",
    }[kind] as Carrier;
    return protocols
      .filter(({ kinds }) => kinds.includes(kind))
      .map(({ label, contentType, format, isEnveloped }) => ({
        name: `${path} over ${label}`,
        carrier,
        times: times * factor,
        path,
        method: "POST",
        headers: { "content-type": contentType, te: "trailers" },
        bodies: requests.map((request) => {
          const bytes = encoded(desc, format, request);
          return isEnveloped && kind !== "bidi" ? enveloped(0, bytes) : bytes;
        }),
      }));
  });
}

interface Protocol {
  readonly label: string;
  readonly contentType: string;
  readonly format: Format;
  readonly isEnveloped: boolean;
  readonly kinds: readonly string[];
}

const streams = ["server-stream", "bidi"];
const allKinds = ["unary", ...streams];

/** JSON costs the server the most. */
export const costliestProtocols: readonly Protocol[] = [
  { label: "Connect JSON", contentType: "application/json", format: "json", isEnveloped: false, kinds: ["unary"] },
  { label: "Connect JSON", contentType: "application/connect+json", format: "json", isEnveloped: true, kinds: streams },
];

export const allProtocols: readonly Protocol[] = [
  ...costliestProtocols,
  { label: "Connect", contentType: "application/proto", format: "proto", isEnveloped: false, kinds: ["unary"] },
  { label: "Connect", contentType: "application/connect+proto", format: "proto", isEnveloped: true, kinds: streams },
  { label: "gRPC", contentType: "application/grpc", format: "proto", isEnveloped: true, kinds: allKinds },
  { label: "gRPC JSON", contentType: "application/grpc+json", format: "json", isEnveloped: true, kinds: allKinds },
  { label: "gRPC-Web", contentType: "application/grpc-web+proto", format: "proto", isEnveloped: true, kinds: allKinds },
];

function encoded({ input }: DescMethod, format: Format, request: JsonValue): Uint8Array {
  if (format === "json") return Buffer.from(JSON.stringify(request));
  return toBinary(input, fromJson(input, request, { registry: types }));
}

function rpcTable() {
  const { service } = testService();
  const nothing = () => undefined;
  const identity = { serverVersion: "test", dedupeWindowMs: 60_000, newConnectionId: () => "1" };
  const sessions = new FrameSessions({
    service,
    ...identity,
    principalBy: () => unrestricted,
    onAbuse: nothing,
    report: nothing,
  });
  return serverMethods(service, sessions, new Readiness());
}

/** Attacks on every route of the contract over HTTP, except streams over HTTP/1.1: a connection holds one of them. */
export function routeAttacks(carriers: readonly ("h1" | "h2")[], factor = 1): Attack[] {
  return HttpRoutes.ofContract().all.flatMap(({ rpc, verb, template, body }) => {
    const name = `${rpc.parent.name}/${rpc.name}`;
    const { requests, times = defaultTimes } = costly(costlyCalls, name, "costlyCalls");
    const isStream = rpc.methodKind !== "unary";
    const [request = {}] = requests as readonly Readonly<Record<string, string | number | boolean>>[];
    const path = template.replaceAll(/\{(\w+)\}/g, (_, field: string) => String(request[field]));
    const asked = Object.entries(request).filter(([field]) => !template.includes(`{${field}}`));
    const query = new URLSearchParams(Object.fromEntries(asked.map(([field, value]) => [field, String(value)])));
    const bodies = body.kind === "none" ? [] : requests.map((each) => Buffer.from(JSON.stringify(each)));
    return (isStream ? (["h2-streams"] as const) : carriers).map((carrier) => ({
      name: `${verb} ${template} over ${carrier}`,
      carrier,
      times: times * factor,
      path: body.kind === "none" ? `${path}?${query}` : path,
      method: verb,
      headers: bodies.length > 0 ? { "content-type": "application/json" } : {},
      bodies,
    }));
  });
}

/** Attacks on what is not in the contract: documents, health, files. `files`: paths of the browser app. */
export function pageAttacks(files: readonly string[]): Attack[] {
  const readiness = new Readiness();
  const pages = [
    ...operationPages(readiness, testService().engine),
    ...documentPages(new ContractDocuments({ isTls: false, types: undefined })),
  ];
  return [...pages.map(([path]) => path), ...files].map((path) => ({
    name: `GET ${path}`,
    carrier: "h2",
    times: defaultTimes,
    path,
    method: "GET",
    headers: {},
    bodies: [],
  }));
}

/** Attacks on every frame of the contract, and on what a WebSocket without frames takes. */
export function frameAttacks(formats: readonly Format[], factor = 1): Attack[] {
  const webSocket = { path: "/chat?room=mallory", method: "GET", headers: {} };
  const members = ClientFrameSchema.oneofs.flatMap(({ fields }) => fields.map(({ name }) => name));
  const frames = members.flatMap((name) => {
    const { requests, times = defaultTimes } = costly(costlyFrames, name, "costlyFrames");
    return formats.map((format) => ({
      ...webSocket,
      name: `frame ${name} in ${format}`,
      carrier: `ws-${format}` as const,
      times: times * factor,
      isUnanswered: name === "pong",
      bodies: requests.map((request) =>
        format === "json"
          ? Buffer.from(JSON.stringify(request))
          : toBinary(ClientFrameSchema, fromJson(ClientFrameSchema, request)),
      ),
    }));
  });
  const plain = (name: string, text: string, times: number): Attack => ({
    ...webSocket,
    name: `plain WebSocket: ${name}`,
    carrier: "ws-plain",
    times,
    bodies: [Buffer.from(text)],
  });
  return [
    ...frames,
    plain("large messages", JSON.stringify(largeText.requests[0]), costlyTimes),
    plain("broken messages", "{", 500),
  ];
}
