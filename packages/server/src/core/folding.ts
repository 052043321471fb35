import {
  bodyWithView,
  type DecodedMessage,
  decodeChange,
  decodeChatMessage,
  encodeBody,
  isChange,
  type MessageChange,
} from "@confab/contract";
import type { LogEntry } from "./blocks.js";
import type { HistoryBounds, HistoryPage } from "./history.js";
import { beginPiece, endPiece, type ScannedRoom, scannedPiece, unitsOfScan } from "./newest-messages.js";
import { Run } from "./run.js";

/** How many users a view names for each reaction, as the contract says. */
const maxNamedUsers = 100;

/** Users that a view names for all reactions to its message, so that it stays below what clients take. */
const maxNamedInView = 1_000;

/** Different reactions that are counted for one message. */
const maxEmojiOfMessage = 100;

/** Messages that are put together in one step of work. */
const messagesPerStep = 20;

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
  const fold = new Fold(views, isForward, bounds.maxBytes);
  await applyChanges(scanned, page, fold);
  return madePage(scanned, page, views, isForward, bounds);
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
    run.each((bytes, start, end, offset) => {
      if (isChange(bytes, start)) fold.entry(offset, bytes.subarray(start, end));
    });
    fold.keepWithinBounds();
    seen = page.run.last;
  }
}

/** Changes of messages of a page, in the order of the log. */
class Fold {
  private reactions = 0;

  constructor(
    /** In the order of the log. */
    private readonly views: Map<number, View>,
    private readonly isForward: boolean,
    private readonly maxBytes: number,
  ) {}

  /** Edits may be longer than what they replace: messages that the reply has no room for are given up, beginning with the last one. */
  keepWithinBounds(): void {
    let bytes = 0;
    for (const view of this.views.values()) bytes += view.bytes;
    if (bytes <= this.maxBytes) return;
    const offsets = [...this.views.keys()];
    while (bytes > this.maxBytes && offsets.length > 1) {
      const offset = (this.isForward ? offsets.pop() : offsets.shift()) as number;
      bytes -= this.views.get(offset)?.bytes ?? 0;
      this.views.delete(offset);
    }
  }

  entry(offset: number, body: Uint8Array): void {
    const change = decodeChange(body);
    const view = change && this.views.get(change.target);
    if (!view || view.isDeleted) return;
    if (change.kind === "deletion") view.deleted();
    else if (change.kind === "edit") view.edited(offset, body);
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
  private reactionCount = 0;
  private contentBytes: number;

  constructor(private readonly stored: Uint8Array) {
    this.message = decodeChatMessage(stored);
    this.contentBytes = stored.length;
  }

  /** About what it takes, in bytes. */
  get bytes(): number {
    return this.contentBytes + this.reactionCount * reactionBytes;
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

  edited(offset: number, body: Uint8Array): void {
    const { user, text, payload, sentAtMs, deleted } = decodeChatMessage(body);
    // An edit that was erased says nothing.
    if (deleted) return;
    this.isChanged = true;
    this.contentBytes = body.length;
    // A view would keep the whole block in memory.
    this.message = { ...this.message, text, payload: payload && { ...payload, value: payload.value.slice() } };
    this.edit = { user, offset, atMs: sentAtMs };
  }

  /** How many reactions more the message has: 1, 0 or -1. */
  reacted(user: string, { emoji, removed }: MessageChange & { readonly kind: "reaction" }): number {
    this.isChanged = true;
    const known = this.reactions.get(emoji);
    if (!known && this.reactions.size >= maxEmojiOfMessage) return 0;
    const users = known ?? new Set();
    const before = users.size;
    if (removed) users.delete(user);
    else users.add(user);
    if (users.size > 0) this.reactions.set(emoji, users);
    else this.reactions.delete(emoji);
    this.reactionCount += users.size - before;
    return users.size - before;
  }

  /** The message as it is now. */
  get body(): Uint8Array {
    if (!this.isChanged) return this.stored;
    const { user, text, room, id, payload, sentAtMs, deleted } = this.message;
    const body = encodeBody({ user, text, room, id, payload, sentAtMs, ...(deleted && { deleted }) });
    let namable = maxNamedInView;
    const reactions = [...this.reactions].map(([emoji, users]) => {
      const named = [...users].slice(0, Math.min(maxNamedUsers, namable));
      namable -= named.length;
      return { emoji, count: users.size, users: named };
    });
    if (!this.edit && reactions.length === 0) return body;
    return bodyWithView(body, { edited: this.edit, reactions });
  }
}

/** What a reaction takes of a view, with the name of its user, about, in bytes. */
const reactionBytes = 64;

/** What of a page fits into its reply, put together in steps: messages may be longer than they were. */
async function madePage(
  { share }: ScannedRoom,
  page: HistoryPage,
  views: ReadonlyMap<number, View>,
  isForward: boolean,
  { maxBytes, sizesOf }: Pick<HistoryBounds, "maxBytes" | "sizesOf">,
): Promise<HistoryPage> {
  const entries: LogEntry[] = [];
  let bytes = 0;
  const ordered = isForward ? [...views] : [...views].reverse();
  for (const [place, [offset, view]] of ordered.entries()) {
    // Before it is done: the steps of many pages may begin in one turn.
    if (place % messagesPerStep === 0) await share.begin(unitsOfStep(ordered.slice(place, place + messagesPerStep)));
    const entry = { offset, body: view.body };
    const run = Run.at([entry]);
    const [size = 0] = sizesOf(page.epoch, run);
    bytes += size;
    if (entries.length > 0 && bytes > maxBytes) break;
    share.spend(unitsOfScan(run.bodyBytes) - unitsOfScan(view.bytes));
    entries.push(entry);
  }
  if (!isForward) entries.reverse();
  return { ...page, run: Run.at(entries), hasMore: page.hasMore || entries.length < page.run.count };
}

/** About what it takes to put messages together. */
function unitsOfStep(views: readonly (readonly [offset: number, view: View])[]): number {
  return views.reduce((sum, [, view]) => sum + unitsOfScan(view.bytes), 0);
}
