import {
  type ChangeKind,
  ConfabError,
  decodeChange,
  decodeChatMessage,
  formatPosition,
  isChange,
  type NewChange,
  type NewMessage,
  type Position,
} from "@confab/contract";
import { invalidMessage } from "@confab/contract/errors";
import type { LogEntry } from "./blocks.js";
import type { Deletions } from "./deletions.js";
import { offsetHere } from "./lineage.js";
import { beginPiece, endPiece, type ScannedRoom, scannedPiece } from "./newest-messages.js";
import { type Appended, type LogPage, maxErasedTogether, type NewEntry, type RoomLog } from "./ports.js";
import { outOfRange } from "./range.js";
import type { RoomId } from "./room-id.js";
import type { ScanningShare } from "./scanning-share.js";
import { tombstoneOf } from "./tombstone.js";

// A change of a message is an entry of the same log. The message is read first, since not every message can be changed; what
// another client does between that and the append is found out afterwards. An edit that is appended looks at its message
// again. A deletion marks the message, and then looks for edits that have come meanwhile. So one of the two sees the other,
// and the text of an edit does not outlive its message.

/** A change of one message that is asked for. Its text and payload are those of an edit. */
export interface MessageChanging extends Omit<NewMessage, "room"> {
  readonly room: RoomId;
  /** Which message. */
  readonly position: Position;
  readonly change: ChangeKind;
  /** Why the message of this user may not be changed; undefined: it may. */
  readonly refusalFor: (owner: string) => ConfabError | undefined;
  readonly share: ScanningShare;
}

type ChangedRoom = ScannedRoom<RoomLog>;

/** Makes an entry about a message. `refuseFirst`: why it may not be in a log without that. */
type Draft = (
  change: NewChange,
  about: Position,
  refuseFirst: () => ConfabError,
) => { readonly id: string; readonly entry: NewEntry };

/** Append a change of a message. @throws what `Hub.change` throws. */
export async function changeMessage(
  scanned: ChangedRoom,
  deletions: Deletions,
  { position, change, refusalFor, ...content }: MessageChanging,
  draft: Draft,
): Promise<{ readonly id: string; readonly appended: Appended }> {
  const { log, room } = scanned;
  const { page, offset, body } = await messageAt(scanned, position);
  const missing = () => noMessageAt(room, page, position);
  const target = { epoch: page.epoch, offset };
  const { id, entry } = draft({ ...content, change: { ...change, target: offset } }, target, missing);
  const refusal = body ? refusalOf(body, refusalFor) : missing();
  // What was refused may have been stored before: the message was deleted or trimmed since then.
  const before = refusal && (await storedBefore(scanned, page, entry));
  if (refusal && !before) throw refusal;
  const append = async () => before ?? (await log.append(room, entry));
  if (change.kind === "deletion") {
    const erase = () => eraseWithEdits(scanned, target, body);
    return { id, appended: await deletions.run({ room, target }, append, erase) };
  }
  const appended = await append();
  if (change.kind === "edit") await eraseOrphan(scanned, target, appended.position);
  return { id, appended };
}

/** How often a log may be replaced or trimmed under one call that finishes a deletion. */
const maxRestarts = 5;

/**
 * Erase what a deletion that was cut has left of its message and of the edits, if its entry is in the log. @throws what
 * `RoomLog.erase` and reading throw; OUT_OF_RANGE: the log does not reach that far. ENGINE_UNAVAILABLE: it changes too often.
 */
export async function finishDeletion(scanned: ChangedRoom, position: Position): Promise<void> {
  for (let restarts = 0; restarts < maxRestarts; restarts++) {
    const found = await messageAt(scanned, position);
    if (await isFinished(scanned, found)) return;
  }
  throw new ConfabError("ENGINE_UNAVAILABLE", `the log of room ${scanned.room} changes too often`);
}

/** False: the log was replaced or trimmed meanwhile, and what is left of it is to be looked at again. */
async function isFinished(scanned: ChangedRoom, { page, offset, body }: Found): Promise<boolean> {
  const { log, room } = scanned;
  const target = { epoch: page.epoch, offset };
  const isDeleted = await scanChanges(scanned, target, offset, (entries) =>
    entries.some(({ body: change }) => isChangeOf(offset, "deletion", change)),
  );
  try {
    if (isDeleted) await eraseWithEdits(scanned, target, body);
  } catch (thrown) {
    if (thrown instanceof ConfabError && thrown.code === "OUT_OF_RANGE") return false;
    throw thrown;
  }
  return (await log.state(room)).epoch === page.epoch;
}

/**
 * Erase what a message says, and what its edits say; of one that was trimmed, what edits say that are left.
 *
 * @throws OUT_OF_RANGE: neither is there. What `RoomLog.erase` and reading throw.
 */
export async function eraseMessage(scanned: ChangedRoom, position: Position): Promise<void> {
  const { page, offset, body } = await messageAt(scanned, position);
  const target = { epoch: page.epoch, offset };
  if (body) return eraseWithEdits(scanned, target, body);
  const { edits } = await eraseEdits(scanned, target, offset);
  if (edits === 0) throw noMessageAt(scanned.room, page, position);
}

interface Found {
  readonly page: LogPage;
  /** Where the position stands in the log of now. */
  readonly offset: number;
  /** Undefined: it was trimmed. */
  readonly body: Uint8Array | undefined;
}

/** @throws OUT_OF_RANGE: the log never had an entry at this position. */
async function messageAt({ log, room }: ChangedRoom, position: Position): Promise<Found> {
  const page = await log.readForward(room, position.offset - 1, { maxEntries: 1, maxBytes: 1 });
  const offset = offsetHere(position, page);
  if (offset === undefined || offset < 1 || offset > page.newest) throw noMessageAt(room, page, position);
  const [entry] = page.run.entries;
  return { page, offset, body: entry?.offset === offset ? entry.body : undefined };
}

function noMessageAt(room: RoomId, page: LogPage, position: Position): ConfabError {
  return outOfRange(room, page, `there is no message at position ${formatPosition(position)}`);
}

function refusalOf(body: Uint8Array, refusalFor: MessageChanging["refusalFor"]): ConfabError | undefined {
  if (isChange(body)) {
    const message = "is the position of a change of a message, which cannot be changed itself";
    return invalidMessage([{ field: "position", rule: "change.target", message }]);
  }
  const { user, deleted } = decodeChatMessage(body);
  return refusalFor(user) ?? (deleted ? new ConfabError("MESSAGE_DELETED", "the message was deleted") : undefined);
}

/** The entry that was stored before with the same key; undefined: there is none, and nothing was stored now. */
async function storedBefore({ log, room }: ChangedRoom, { epoch, newest }: LogPage, entry: NewEntry) {
  if (entry.dedupeKey === undefined || newest === 0) return undefined;
  try {
    // No entry is new at this position, which the room has left. A repeated one is answered whatever is expected.
    const [appended] = await log.appendAll(room, [entry], { epoch, offset: 0 });
    return appended;
  } catch (thrown) {
    if (thrown instanceof ConfabError && thrown.code === "UNEXPECTED_POSITION") return undefined;
    throw thrown;
  }
}

/** The message last: once it is marked, its edits are gone, also if this is interrupted. `body`: undefined, it was trimmed. */
async function eraseWithEdits(scanned: ChangedRoom, target: Position, body: Uint8Array | undefined): Promise<void> {
  if (body && isChange(body)) return eraseOne(scanned, target, body);
  const { seen } = await eraseEdits(scanned, target, target.offset);
  if (body) await eraseOne(scanned, target, body);
  // Those that have come meanwhile. From now on each sees that its message is deleted.
  await eraseEdits(scanned, target, seen);
}

function eraseOne({ log, room, share }: ChangedRoom, { epoch, offset }: Position, body: Uint8Array): Promise<void> {
  return log.erase(room, epoch, [{ offset, body: tombstoneOf(body) }], share);
}

interface ErasedEdits {
  readonly seen: number;
  readonly edits: number;
}

/**
 * Erase what the edits of a message say that follow `after`. `seen`: the offset up to which the log was looked through; `edits`:
 * how many there are, erased before or now. Edits that are far from each other are erased together, since on a networked engine each erasure may write the whole room.
 */
async function eraseEdits(scanned: ChangedRoom, target: Position, after: number): Promise<ErasedEdits> {
  const { log, room, share } = scanned;
  const found: LogEntry[] = [];
  let [seen, edits] = [after, 0];
  const erase = async (least: number) => {
    while (found.length >= least) await log.erase(room, target.epoch, found.splice(0, maxErasedTogether), share);
  };
  await scanChanges(scanned, target, after, async (changes, last) => {
    for (const { offset, body } of changes) {
      if (!isChangeOf(target.offset, "edit", body)) continue;
      edits++;
      if (!decodeChatMessage(body).deleted) found.push({ offset, body: tombstoneOf(body) });
    }
    seen = last;
    await erase(maxErasedTogether);
    return false;
  });
  await erase(1);
  return { seen, edits };
}

/**
 * Give the entries that follow `after` a piece at a time, without those of pieces that have no changes, until `look` returns
 * true or the log ends. `last`: up to where it was looked through. Whether `look` returned true.
 */
async function scanChanges(
  { log, room, share }: ChangedRoom,
  { epoch }: Position,
  after: number,
  look: (entries: readonly LogEntry[], last: number) => boolean | Promise<boolean>,
): Promise<boolean> {
  for (let seen = after; ; ) {
    await beginPiece(share);
    const page = await log.readForward(room, seen, scannedPiece);
    const { run } = page;
    endPiece(share, run);
    if (run.count === 0 || page.epoch !== epoch) return false;
    seen = run.last;
    if (await look(run.messages === run ? [] : run.entries, seen)) return true;
    if (seen >= page.newest) return false;
  }
}

function isChangeOf(target: number, kind: ChangeKind["kind"], body: Uint8Array): boolean {
  const change = decodeChange(body);
  return change?.kind === kind && change.target === target;
}

/** An edit that was appended although its message is deleted by now says nothing. */
async function eraseOrphan(scanned: ChangedRoom, target: Position, edit: Position): Promise<void> {
  const { body: changed } = await messageAt(scanned, target);
  if (!changed || !decodeChatMessage(changed).deleted) return;
  const { body } = await messageAt(scanned, edit);
  if (body) await eraseOne(scanned, edit, body);
}
