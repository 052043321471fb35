import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { SignalSchema } from "@confab/contract/gen/confab/v1/room_pb";
import { countIn, type RoomId, Run, type Signal } from "../../core/index.js";

/**
 * What a room's channel carries.
 *
 *     1 | epoch u32 | first offset f64 | count u32 | block                  new entries, by the append script
 *     2 | a Signal of the contract                                         a signal, by a node
 *     3                                                                    the log was replaced, by a node
 *     4 | members u32 | (present u8 | length u16 | user)*                  first in and last out, by the members script
 *     5                                                                    messages were erased, by the erase script
 *
 * Numbers are big-endian. Other kinds are of a later version. From 128 on they may be ignored by nodes that do not know them;
 * below it they say something of the log, and such a node looks whether it can still read the room.
 */
export type BusMessage =
  | {
      readonly kind: "entries";
      readonly epoch: number;
      readonly block: Buffer;
      /** What is in the block. */
      readonly run: Run;
    }
  | { readonly kind: "signal"; readonly signal: Signal }
  | { readonly kind: "replaced" }
  | { readonly kind: "erased" }
  | { readonly kind: "presence"; readonly members: number; readonly users: readonly UserPresence[] }
  | { readonly kind: "unknown" };

interface UserPresence {
  readonly user: string;
  readonly isPresent: boolean;
}

const headBytes = 17;

/** Kinds from this one on need not be known. */
const firstIgnoredKind = 128;

/** Undefined: nothing that this version must act on. @throws Error: it is none of ours. */
export function decodeBusMessage(bytes: Buffer): BusMessage | undefined {
  const [kind = firstIgnoredKind] = bytes;
  switch (kind) {
    case 1:
      return entriesFrom(bytes);
    case 2:
      return { kind: "signal", signal: signalFrom(bytes.subarray(1)) };
    case 3:
      return { kind: "replaced" };
    case 4:
      return presenceFrom(bytes);
    case 5:
      return { kind: "erased" };
    default:
      return kind < firstIgnoredKind ? { kind: "unknown" } : undefined;
  }
}

/** Which entries a message brings, read without their bodies: a node knows those that it appended. Undefined for other kinds. */
export function placeOfEntries(bytes: Buffer): { readonly epoch: number; readonly last: number } | undefined {
  if (bytes[0] !== 1 || bytes.length < headBytes) return undefined;
  return { epoch: bytes.readUInt32BE(1), last: bytes.readDoubleBE(5) + bytes.readUInt32BE(13) - 1 };
}

function entriesFrom(bytes: Buffer): BusMessage {
  const block = bytes.subarray(headBytes);
  const run = new Run(bytes.readDoubleBE(5), [{ bytes: block, count: countIn(block) }]);
  return { kind: "entries", epoch: bytes.readUInt32BE(1), block, run };
}

function presenceFrom(bytes: Buffer): BusMessage {
  const users: UserPresence[] = [];
  for (let at = 5; at < bytes.length; ) {
    const end = at + 3 + bytes.readUInt16BE(at + 1);
    if (end > bytes.length) throw new Error("a message of the bus is cut off");
    users.push({ user: bytes.toString("utf8", at + 3, end), isPresent: bytes[at] === 1 });
    at = end;
  }
  return { kind: "presence", members: bytes.readUInt32BE(1), users };
}

export function encodeSignal({ user, room, kind, position, payload }: Signal): Buffer {
  const bytes = toBinary(
    SignalSchema,
    create(SignalSchema, {
      user,
      room,
      kind,
      ...(position && { position: { epoch: position.epoch, offset: BigInt(position.offset) } }),
      ...(payload && { payload: create(AnySchema, payload) }),
    }),
  );
  return Buffer.concat([Buffer.of(2), bytes]);
}

function signalFrom(bytes: Uint8Array): Signal {
  const { user, room, kind, position, payload } = fromBinary(SignalSchema, bytes);
  return {
    user,
    room: room as RoomId,
    kind,
    position: position && { epoch: position.epoch, offset: Number(position.offset) },
    payload: payload && { typeUrl: payload.typeUrl, value: new Uint8Array(payload.value) },
  };
}
