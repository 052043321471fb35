import type {
  DescMessage,
  DescMethod,
  DescMethodUnary,
  DescService,
  Message,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ackJson, encodeAck } from "@confab/contract";
import { ConnectionSchema } from "@confab/contract/gen/confab/v1/admin_connections_pb";
import { PublishResultSchema } from "@confab/contract/gen/confab/v1/admin_rooms_pb";
import { AdminService, RevocationSchema } from "@confab/contract/gen/confab/v1/admin_service_pb";
import { ChatService as ChatServiceDesc } from "@confab/contract/gen/confab/v1/chat_service_pb";
import { ReadMarkSchema } from "@confab/contract/gen/confab/v1/read_mark_pb";
import { MemberSchema, RoomSchema } from "@confab/contract/gen/confab/v1/room_pb";
import type { ListedMark, Member, Revocation } from "../core/index.js";
import { cost, holdRoom, type ReplyRoom, spendParsed } from "../work/index.js";
import { wireBoundsFrom, wireErasedUserFrom, wirePublishedFrom } from "./admin-conversions.js";
import { wireAckFrom, wireAcksFrom, wirePositionFrom } from "./conversions.js";
import { encodeHistory, historyForm } from "./history.js";
import { ListedReply } from "./listed-reply.js";
import type { MessageJson } from "./message-json.js";
import type { LargeForm, ListedConnection, ListedRoom, Operations, UnaryCaller } from "./operations/index.js";
import { wireMarkFrom } from "./read-marks.js";
import { decodeSentMessage, sentMessageFrom } from "./sent-message.js";
import { decodeMessage, encodeMessage, type WireFormat } from "./wire-format.js";

/** A unary RPC of the contract. Both calls reject with a ConfabError for what the client did wrong. */
export interface UnaryMethod {
  readonly hasNoSideEffects: boolean;
  /** Encoded request in, encoded reply out. */
  readonly call: (format: WireFormat, request: Uint8Array, caller: UnaryCaller) => Promise<Uint8Array>;
  /** For a request message that a transport has put together itself, of the RPC's input type; the reply is JSON. */
  readonly callInJson: (request: Message, caller: UnaryCaller) => Promise<Uint8Array>;
}

/** How one RPC asks its operation and writes the reply. */
interface Spelling<In extends DescMessage, Asked> {
  readonly decode: (format: WireFormat, bytes: Uint8Array) => Asked;
  readonly from: (request: MessageShape<In>) => Asked;
  readonly answer: (asked: Asked, format: WireFormat, caller: UnaryCaller) => Promise<Uint8Array>;
}

const { sendMessage, sendMessages, editMessage, deleteMessage, react } = ChatServiceDesc.method;
const { getHistory, listRooms, listMembers, sendSignal } = ChatServiceDesc.method;
const { markRead, listReadMarks } = ChatServiceDesc.method;
const { revoke, listRevocations, eraseMessage } = AdminService.method;
const { listConnections, disconnect } = AdminService.method;
const { deleteRoom, eraseUser, setRoomRetention, getRoomRetention, publish, scrub } = AdminService.method;

/** Results of a publication that are encoded in one turn. */
const resultsPerTurn = 32;

/** The unary RPCs of a service, by the names of their descriptors: one that has no entry below does not compile. */
export type UnaryName<Service extends { readonly method: object }> = {
  [Name in keyof Service["method"]]: Service["method"][Name] extends { readonly methodKind: "unary" } ? Name : never;
}[keyof Service["method"]];

type Entries<Service extends { readonly method: object }> = Readonly<Record<UnaryName<Service>, UnaryMethod>>;

/** The unary RPCs on the operations, by descriptor: services may have RPCs of the same name. */
export function unaryMethods(operations: Operations, json: MessageJson): ReadonlyMap<DescMethod, UnaryMethod> {
  const { types } = json;
  const plain = <In extends DescMessage>(
    rpc: DescMethodUnary<In, DescMessage>,
    answer: Spelling<In, MessageShape<In>>["answer"],
  ) =>
    method(rpc, {
      decode: (format, bytes) => decodeMessage(rpc.input, format, bytes, types),
      from: (request) => request,
      answer,
    });

  /** For an operation whose reply is small, and is the RPC's. */
  const small = <In extends DescMessage, Out extends DescMessage>(
    rpc: DescMethodUnary<In, Out>,
    ask: (asked: MessageShape<In>, caller: UnaryCaller) => MessageInitShape<Out> | Promise<MessageInitShape<Out>>,
  ) =>
    plain(rpc, async (asked, format, caller) =>
      encodeMessage(rpc.output, format, create(rpc.output, await ask(asked, caller)), types),
    );

  const chat: Entries<typeof ChatServiceDesc> = {
    sendMessage: method(sendMessage, {
      decode: (format, bytes) => decodeSentMessage(format, bytes, types),
      from: sentMessageFrom,
      answer: async (message, format, caller) => {
        const ack = await operations.send(message, caller);
        return format === "proto" ? encodeAck(ack) : Buffer.from(ackJson(ack));
      },
    }),
    sendMessages: small(sendMessages, async (asked, caller) => wireAcksFrom(await operations.sendAll(asked, caller))),
    editMessage: small(editMessage, async (asked, caller) => wireAckFrom(await operations.edit(asked, caller))),
    deleteMessage: small(deleteMessage, async (asked, caller) =>
      wireAckFrom(await operations.deleteMessage(asked, caller)),
    ),
    react: small(react, async (asked, caller) => wireAckFrom(await operations.react(asked, caller))),
    getHistory: plain(getHistory, (asked, format, caller) =>
      inRoom(caller, async (begin) => {
        const isOver = () => caller.isOver;
        const page = await operations.history(asked, caller, { ...historyForm(format, json), begin, isOver });
        return encodeHistory(format, page, json);
      }),
    ),
    listRooms: plain(listRooms, (asked, format, caller) =>
      inRoom(caller, async (begin) => {
        const reply = new ListedReply({ reply: listRooms.output, item: RoomSchema, list: "rooms" }, format, types);
        const unitsPerItem = cost.listed[format];
        const take = (rooms: readonly ListedRoom[]) => reply.add(rooms.map(wireRoomFrom));
        return reply.end({ nextPage: await operations.rooms(asked, caller, { begin, unitsPerItem, take }) });
      }),
    ),
    listMembers: plain(listMembers, (asked, format, caller) =>
      inRoom(caller, async (begin) => {
        const options = { reply: listMembers.output, item: MemberSchema, list: "members" } as const;
        const reply = new ListedReply(options, format, types);
        const unitsPerItem = cost.listed[format];
        const take = (members: readonly Member[]) => reply.add(members);
        return reply.end(await operations.members(asked, caller, { begin, unitsPerItem, take }));
      }),
    ),
    sendSignal: small(sendSignal, async (signal, caller) => {
      await operations.signal(signal, caller);
      return {};
    }),
    markRead: small(markRead, async (asked, caller) => ({
      mark: wireMarkFrom(await operations.markRead(asked, caller)),
    })),
    listReadMarks: plain(listReadMarks, (asked, format, caller) =>
      inRoom(caller, async (begin) => {
        const options = { reply: listReadMarks.output, item: ReadMarkSchema, list: "marks" } as const;
        const reply = new ListedReply(options, format, types);
        const unitsPerItem = cost.listed[format];
        const take = (marks: readonly ListedMark[]) => reply.add(marks.map(wireMarkFrom));
        return reply.end({ nextPage: await operations.readMarks(asked, caller, { begin, unitsPerItem, take }) });
      }),
    ),
  };

  const admin: Entries<typeof AdminService> = {
    revoke: small(revoke, async (asked, caller) => ({
      keptUntil: timestampFromMs(await operations.revoke(asked, caller)),
    })),
    listRevocations: plain(listRevocations, (asked, format, caller) =>
      inRoom(caller, async (begin) => {
        const options = { reply: listRevocations.output, item: RevocationSchema, list: "revocations" } as const;
        const reply = new ListedReply(options, format, types);
        const unitsPerItem = cost.listed[format];
        const take = (found: readonly Revocation[]) => reply.add(found.map(wireRevocationFrom));
        return reply.end({ nextPage: await operations.revocations(asked, caller, { begin, unitsPerItem, take }) });
      }),
    ),
    eraseMessage: small(eraseMessage, async (asked, caller) => {
      await operations.erase(asked, caller);
      return {};
    }),
    listConnections: plain(listConnections, (asked, format, caller) =>
      inRoom(caller, async (begin) => {
        const options = { reply: listConnections.output, item: ConnectionSchema, list: "connections" } as const;
        const reply = new ListedReply(options, format, types);
        const unitsPerItem = cost.listedConnection[format];
        const take = (found: readonly ListedConnection[]) => reply.add(found.map(wireConnectionFrom));
        const { silent, ...end } = await operations.connections(asked, caller, { begin, unitsPerItem, take });
        return reply.end({ ...end, silentNodes: silent.map((node) => ({ node })) });
      }),
    ),
    disconnect: small(disconnect, async (asked, caller) => ({
      connections: await operations.disconnect(asked, caller),
    })),
    setRoomRetention: small(setRoomRetention, async (asked, caller) =>
      wireBoundsFrom(await operations.setRoomRetention(asked, caller)),
    ),
    getRoomRetention: small(getRoomRetention, async (asked, caller) =>
      wireBoundsFrom(await operations.roomRetention(asked, caller)),
    ),
    publish: plain(publish, (asked, format, caller) =>
      inRoom(caller, async (begin) => {
        const published = await operations.publish(asked, caller, { begin, isOver: () => caller.isOver });
        const options = { reply: publish.output, item: PublishResultSchema, list: "results" } as const;
        const reply = new ListedReply(options, format, types);
        for (let at = 0; at < published.length; at += resultsPerTurn) {
          const some = published.slice(at, at + resultsPerTurn);
          await caller.share.begin(cost.listed[format] * some.length);
          reply.add(some.map(wirePublishedFrom));
        }
        return reply.end({});
      }),
    ),
    scrub: small(scrub, async (asked, caller) => ({ remaining: await operations.scrub(asked, caller) })),
    deleteRoom: small(deleteRoom, async (asked, caller) => ({
      messages: BigInt(await operations.deleteRoom(asked, caller)),
    })),
    eraseUser: plain(eraseUser, (asked, format, caller) =>
      inRoom(caller, async (begin) => {
        const done = await operations.eraseUser(asked, caller, { begin, isOver: () => caller.isOver });
        return encodeMessage(eraseUser.output, format, create(eraseUser.output, wireErasedUserFrom(done)), types);
      }),
    ),
  };
  return new Map([...entriesOf(ChatServiceDesc, chat), ...entriesOf(AdminService, admin)]);
}

function entriesOf(service: DescService, methods: Readonly<Record<string, UnaryMethod>>): [DescMethod, UnaryMethod][] {
  return service.methods.flatMap((rpc): [DescMethod, UnaryMethod][] => {
    const found = methods[rpc.localName];
    return found ? [[rpc, found]] : [];
  });
}

function method<In extends DescMessage, Asked>(
  { idempotency }: DescMethodUnary<In, DescMessage>,
  { decode, from, answer }: Spelling<In, Asked>,
): UnaryMethod {
  return {
    hasNoSideEffects: idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS,
    call: async (format, request, caller) => {
      spendParsed(caller.share, format, request.length);
      // Awaited here: a promise that is returned costs two more turns of the microtask queue.
      return await answer(decode(format, request), format, caller);
    },
    callInJson: async (request, caller) => answer(from(request as MessageShape<In>), "json", caller),
  };
}

function wireRoomFrom({ room, epoch, oldest, newest, messages, members, subscribers, mark }: ListedRoom) {
  return {
    name: room,
    oldest: wirePositionFrom({ epoch, offset: oldest }),
    newest: wirePositionFrom({ epoch, offset: newest }),
    messages: BigInt(messages),
    members,
    subscribers,
    ...(mark && { readMark: wirePositionFrom(mark.position), unread: BigInt(mark.unread) }),
  };
}

function wireRevocationFrom({ tokenId, user, issuedBeforeMs, untilMs }: Revocation) {
  return {
    tokenId,
    user,
    ...(tokenId === "" && { issuedBefore: timestampFromMs(issuedBeforeMs) }),
    keptUntil: timestampFromMs(untilMs),
  };
}

function wireConnectionFrom({ node, view }: ListedConnection) {
  const { isVerified, sinceMs, readings, ...rest } = view;
  return {
    ...rest,
    node,
    verified: isVerified,
    since: timestampFromMs(sinceMs),
    readings: readings.map(({ position, hasPresence, hasSignals, isLagging, ...reading }) => ({
      ...reading,
      position: wirePositionFrom(position),
      presence: hasPresence,
      signals: hasSignals,
      lagging: isLagging,
    })),
  };
}

/** Make a reply that may be large; `begin` resolves once there is room for it. Making it accounts for what it costs. */
async function inRoom(
  caller: UnaryCaller,
  make: (begin: LargeForm["begin"]) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const held: { room?: ReplyRoom } = {};
  try {
    const reply = await make(async (isScan) => {
      if (!held.room) held.room = await holdRoom(caller, isScan);
      else if (isScan) await held.room.scan();
    });
    held.room?.resize(reply.length);
    return reply;
  } catch (thrown) {
    // The error takes none of it: while its client does not read that, pages of others can be made.
    held.room?.release();
    throw thrown;
  }
}
