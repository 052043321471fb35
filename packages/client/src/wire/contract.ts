import type { Table } from "./table.js";

// The messages of proto/confab/v1 and google/rpc that clients read and write. `contract.test.ts` holds every field of them
// against the generated code.

export const position = { epoch: [1, "fixed32"], offset: [2, "uint64"] } as const satisfies Table;

const encodedPayload = { typeUrl: [1, "string"], value: [2, "bytes"] } as const satisfies Table;

export const chatMessage = {
  user: [1, "string"],
  text: [2, "string"],
  room: [3, "string"],
  id: [4, "string"],
  position: [5, position],
  sentAt: [6, "timestamp"],
  payload: [7, "any"],
  encodedPayload: [8, encodedPayload],
} as const satisfies Table;

export const chatResponse = {
  id: [1, "string"],
  position: [2, position],
  sentAt: [3, "timestamp"],
  duplicate: [4, "bool"],
} as const satisfies Table;

export const user = {
  name: [1, "string"],
  room: [2, "string"],
  after: [3, position],
  history: [4, "uint32"],
} as const satisfies Table;

export const getHistoryRequest = {
  room: [1, "string"],
  after: [2, position],
  before: [3, position],
  limit: [4, "uint32"],
  oldestFirst: [5, "bool"],
} as const satisfies Table;

export const getHistoryResponse = {
  messages: [1, chatMessage, "many"],
  more: [2, "bool"],
  oldest: [3, position],
  newest: [4, position],
} as const satisfies Table;

export const listRoomsRequest = {
  prefix: [1, "string"],
  limit: [2, "uint32"],
  page: [3, "string"],
} as const satisfies Table;

const room = {
  name: [1, "string"],
  oldest: [2, position],
  newest: [3, position],
  messages: [4, "uint64"],
  members: [5, "uint32"],
  subscribers: [6, "uint32"],
} as const satisfies Table;

export const listRoomsResponse = { rooms: [1, room, "many"], nextPage: [2, "string"] } as const satisfies Table;

export const listMembersRequest = {
  room: [1, "string"],
  limit: [2, "uint32"],
  page: [3, "string"],
} as const satisfies Table;

const member = { user: [1, "string"], connections: [2, "uint32"] } as const satisfies Table;

export const listMembersResponse = {
  members: [1, member, "many"],
  nextPage: [2, "string"],
  total: [3, "uint32"],
} as const satisfies Table;

export const signal = {
  user: [1, "string"],
  room: [2, "string"],
  kind: [3, "string"],
  position: [4, position],
  payload: [5, "any"],
  encodedPayload: [6, encodedPayload],
} as const satisfies Table;

export const nothing = {} as const satisfies Table;

const subscribe = { reader: [1, user], presence: [2, "bool"], signals: [3, "bool"] } as const satisfies Table;

const unsubscribe = { room: [1, "string"] } as const satisfies Table;

const authenticate = { token: [1, "string"] } as const satisfies Table;

export const clientFrame = {
  request: [1, "uint32"],
  subscribe: [2, subscribe],
  unsubscribe: [3, unsubscribe],
  send: [4, chatMessage],
  signal: [5, signal],
  history: [6, getHistoryRequest],
  authenticate: [7, authenticate],
  pong: [8, nothing],
} as const satisfies Table;

/** `confab.v1.Error`: one error of the catalogue. */
export const wireError = {
  code: [1, "string"],
  message: [2, "string"],
  retry: [3, "bool"],
  retryAfter: [4, "duration"],
  details: [5, "any", "many"],
} as const satisfies Table;

const welcome = {
  connection: [1, "string"],
  serverVersion: [2, "string"],
  pingInterval: [3, "duration"],
  maxMessageBytes: [4, "uint32"],
  dedupeWindow: [5, "duration"],
} as const satisfies Table;

const subscribed = { room: [1, "string"], position: [2, position], recovered: [3, "bool"] } as const satisfies Table;

const unsubscribed = { room: [1, "string"], reason: [2, wireError] } as const satisfies Table;

const messageBatch = { messages: [1, chatMessage, "many"] } as const satisfies Table;

const presenceChange = {
  room: [1, "string"],
  user: [2, "string"],
  present: [3, "bool"],
  members: [4, "uint32"],
} as const satisfies Table;

const goodbye = { reason: [1, wireError], reconnectWithin: [2, "duration"] } as const satisfies Table;

export const serverFrame = {
  request: [1, "uint32"],
  welcome: [2, welcome],
  subscribed: [3, subscribed],
  ack: [4, chatResponse],
  messages: [5, messageBatch],
  signal: [6, signal],
  presence: [7, presenceChange],
  history: [8, getHistoryResponse],
  error: [9, wireError],
  ping: [10, nothing],
  unsubscribed: [11, unsubscribed],
  goodbye: [12, goodbye],
  done: [13, nothing],
} as const satisfies Table;

export const availableRange = {
  room: [1, "string"],
  oldest: [2, position],
  newest: [3, position],
} as const satisfies Table;

/** `google.rpc.Status`, of the trailer `grpc-status-details-bin`. */
export const rpcStatus = {
  code: [1, "int32"],
  message: [2, "string"],
  details: [3, "any", "many"],
} as const satisfies Table;

export const errorInfo = { reason: [1, "string"], domain: [2, "string"] } as const satisfies Table;

export const retryInfo = { retryDelay: [1, "duration"] } as const satisfies Table;

const fieldViolation = {
  field: [1, "string"],
  description: [2, "string"],
  reason: [3, "string"],
} as const satisfies Table;

export const badRequest = { fieldViolations: [1, fieldViolation, "many"] } as const satisfies Table;
