import {
  bodyWithView,
  type DecodedMessage,
  decodeChange,
  decodeChatMessage,
  encodeBody,
  type MessageChange,
} from "@confab/contract";
import type { HistoryBounds, HistoryPage } from "./history.js";
import { beginPiece, endPiece, type ScannedRoom, scannedPiece } from "./newest-messages.js";
import { Run } from "./run.js";

/** How many users a view names for each reaction, as the contract says. */
const maxNamedUsers = 100;

/** Reactions to the messages of one page that are counted: each takes memory until the page is made. */
const maxReactions = 10_000;

/**
 * The messages of a page as they are at its newest position: what they say after their last edit, and which reactions they
 * have.
 *
 * Changes follow their messages in the log. So what is behind the page's first message is looked through, a piece at a time:
 * little for the newest page of a room, and the whole room for its oldest one.
 *
 * @param isForward whether the page was read forward: a page that is too large by now ends earlier, or else begins later.
 */
export async function foldedPage(
  scanned: ScannedRoom,
  page: HistoryPage,
  isForward: boolean,
  bounds: Pick<HistoryBounds, "maxBytes" | "sizesOf">,
): Promise<HistoryPage> {
  if (page.run.count === 0) return page;
  const views = new Map(page.run.entries.map(({ offset, body }) => [offset, new View(body)]));
  await applyChanges(scanned, page, new Fold(views));
  const run = Run.at([...views].map(([offset, view]) => ({ offset, body: view.body })));
  return fitted({ ...page, run }, isForward, bounds);
}

async function applyChanges(scanned: ScannedRoom, { run: { first }, newest, epoch }: HistoryPage, fold: Fold) {
  const { log, room, share } = scanned;
  for (let seen = first; seen < newest; ) {
    await beginPiece(share);
    const page = await log.readForward(room, seen, scannedPiece);
    endPiece(share, page.run);
    // It was trimmed past the page, or replaced: what is left says nothing of these messages.
    if (page.run.count === 0 || page.epoch !== epoch) return;
    const run = page.run.slice(page.run.first, newest);
    if (run.messages !== run) run.each((bytes, start, end, offset) => fold.entry(offset, bytes.subarray(start, end)));
    seen = page.run.last;
  }
}

/** Changes of messages of a page, in the order of the log. */
class Fold {
  private reactions = 0;

  constructor(private readonly views: ReadonlyMap<number, View>) {}

  entry(offset: number, body: Uint8Array): void {
    const change = decodeChange(body);
    const view = change && this.views.get(change.target);
    if (!view || view.isDeleted) return;
    if (change.kind === "deletion") view.deleted();
    else if (change.kind === "edit") view.edited(offset, decodeChatMessage(body));
    else if (change.kind === "reaction" && (change.removed || this.reactions < maxReactions))
      this.reactions += view.reacted(decodeChatMessage(body).user, change);
  }
}

/** One message and what was done to it. */
class View {
  private message: DecodedMessage;
  private edit: { readonly user: string; readonly offset: number; readonly atMs: number } | undefined;
  /** Users by emoji, both in the order in which they came. */
  private readonly reactions = new Map<string, Set<string>>();
  private isChanged = false;

  constructor(private readonly stored: Uint8Array) {
    this.message = decodeChatMessage(stored);
  }

  get isDeleted(): boolean {
    return this.message.deleted === true;
  }

  deleted(): void {
    this.isChanged = true;
    this.message = { ...this.message, text: "", payload: undefined, deleted: true };
    this.edit = undefined;
    this.reactions.clear();
  }

  edited(offset: number, { user, text, payload, sentAtMs, deleted }: DecodedMessage): void {
    // An edit that was erased says nothing.
    if (deleted) return;
    this.isChanged = true;
    this.message = { ...this.message, text, payload };
    this.edit = { user, offset, atMs: sentAtMs };
  }

  /** How many reactions more the message has: 1, 0 or -1. */
  reacted(user: string, { emoji, removed }: MessageChange & { readonly kind: "reaction" }): number {
    this.isChanged = true;
    const users = this.reactions.get(emoji) ?? new Set();
    const before = users.size;
    if (removed) users.delete(user);
    else users.add(user);
    if (users.size > 0) this.reactions.set(emoji, users);
    else this.reactions.delete(emoji);
    return users.size - before;
  }

  /** The message as it is now. */
  get body(): Uint8Array {
    if (!this.isChanged) return this.stored;
    const { user, text, room, id, payload, sentAtMs, deleted } = this.message;
    const body = encodeBody({ user, text, room, id, payload, sentAtMs, ...(deleted && { deleted }) });
    const reactions = [...this.reactions].map(([emoji, users]) => ({
      emoji,
      count: users.size,
      users: [...users].slice(0, maxNamedUsers),
    }));
    if (!this.edit && reactions.length === 0) return body;
    return bodyWithView(body, { edited: this.edit, reactions });
  }
}

/** What of a page fits into its reply: messages may be longer than they were. */
function fitted(
  page: HistoryPage,
  isForward: boolean,
  { maxBytes, sizesOf }: Pick<HistoryBounds, "maxBytes" | "sizesOf">,
): HistoryPage {
  const { run, epoch } = page;
  const sizes = sizesOf(epoch, run);
  let [count, bytes] = [0, 0];
  for (; count < run.count; count++) {
    bytes += sizes[isForward ? count : run.count - 1 - count] ?? 0;
    if (count > 0 && bytes > maxBytes) break;
  }
  if (count === run.count) return page;
  const some = isForward
    ? run.slice(run.first, run.offsetAt(count - 1))
    : run.slice(run.offsetAt(run.count - count), run.last);
  return { ...page, run: some, hasMore: true };
}
