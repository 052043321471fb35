import { ConfabError } from "@confab/contract";
import { FairQueue } from "./fair-queue.js";

export interface ReplyBounds {
  /** Of all connections together, in bytes. */
  readonly maxReplyBytes: number;
  /** Of one connection, in bytes. One reply always fits. */
  readonly maxReplyBytesPerConnection: number;
}

/** What a page that is being made is counted as, in bytes: the largest, since its size is known when it is finished. */
const pageBytes = 1_048_576;

/** Pages that are being made at a time. Each may hold its entries, their JSON and the reply: some 3 MiB. */
const maxInTheMaking = 32;

/** How many of those may look through a log at a time. That may take seconds, and the pages of others do not wait for it. */
const maxScanning = 16;

/** How soon a client that was refused may try again, in milliseconds: about as long as a page takes to leave. */
const retryAfterMs = 1_000;

/** The replies of one connection that are being made or wait for their peer. */
export interface ReplyOwner {
  replyBytes: number;
  /** Replies that wait until others have left, in order. */
  waitingReplies: (() => void)[] | undefined;
}

/** So many places. Who waits for one gets it in turn with other owners. */
class Places {
  private taken = 0;
  private readonly waiting = new FairQueue<() => void>();

  constructor(private readonly count: number) {}

  /** Undefined: it has one at once. */
  enter(owner: ReplyOwner): Promise<void> | undefined {
    if (this.taken === this.count) return new Promise((resolve) => this.waiting.push(owner, resolve));
    this.taken += 1;
    return undefined;
  }

  leave(): void {
    const next = this.waiting.shift();
    if (next) next();
    else this.taken -= 1;
  }
}

/** The place that one reply takes, from before it is made until its last byte has left. */
export interface ReplyRoom {
  /** Its size is known now. */
  resize(bytes: number): void;
  /**
   * A log is to be looked through for it. Resolves once it has a place for that. It keeps its bytes: over HTTP/1.1 the replies
   * behind it could take them, and wait for it.
   */
  scan(): Promise<void>;
  /** It has left, or never will. May be called twice. */
  release(): void;
}

/**
 * Bounds the bytes of large replies (pages of messages, rooms or members) that are being made or wait for their peers. A
 * page is read only when there is room for it: a client that asks for a thousand and reads none costs a few.
 *
 *     take ─ its connection has room? ─ no ──► waits until earlier replies of the connection have left
 *                   │ yes
 *                   ├─ unread replies fill the process ──► OVERLOADED
 *                   ├─ a log is looked through for `maxScanning` others, and for this one too ──► waits, connections in turn
 *                   ├─ `maxInTheMaking` are being made ──► waits, connections in turn
 *                   ▼
 *            being made ─ resize ─► waits for its peer ─ release ─► gone
 */
export class Replies {
  bytes = 0;
  /** The most that `bytes` was. */
  mostBytes = 0;
  private readonly making = new Places(maxInTheMaking);
  private readonly scanning = new Places(maxScanning);

  constructor(private readonly bounds: ReplyBounds) {}

  /** Take room for a reply of unknown size. `isScan`: a log is looked through for it. @throws OVERLOADED */
  async take(owner: ReplyOwner, isScan = false): Promise<ReplyRoom> {
    if (owner.waitingReplies !== undefined || !this.fits(owner)) await this.waitForOwn(owner);
    else owner.replyBytes += pageBytes;
    if (isScan) await this.scanning.enter(owner);
    await this.making.enter(owner);
    if (this.bytes + pageBytes <= this.bounds.maxReplyBytes) return this.roomOf(owner, isScan);
    this.made(isScan);
    owner.replyBytes -= pageBytes;
    this.wakeWaiting(owner);
    const text = `replies of ${this.bytes} bytes wait for clients to read them; maxReplyBytes is ${this.bounds.maxReplyBytes}`;
    throw new ConfabError("OVERLOADED", text, { retryAfterMs });
  }

  private fits({ replyBytes }: ReplyOwner): boolean {
    return replyBytes === 0 || replyBytes + pageBytes <= this.bounds.maxReplyBytesPerConnection;
  }

  private waitForOwn(owner: ReplyOwner): Promise<void> {
    return new Promise((resolve) => {
      if (owner.waitingReplies) owner.waitingReplies.push(resolve);
      else owner.waitingReplies = [resolve];
    });
  }

  /** The room of a reply that `owner` has counted already. */
  private roomOf(owner: ReplyOwner, isScan: boolean): ReplyRoom {
    let held = pageBytes;
    let isBeingMade = true;
    let isScanning = isScan;
    let isReleased = false;
    this.bytes += held;
    this.mostBytes = Math.max(this.mostBytes, this.bytes);
    const become = (bytes: number) => {
      this.bytes += bytes - held;
      owner.replyBytes += bytes - held;
      held = bytes;
      this.mostBytes = Math.max(this.mostBytes, this.bytes);
      if (isBeingMade) this.made(isScanning);
      isBeingMade = false;
      this.wakeWaiting(owner);
    };
    return {
      resize: (bytes) => {
        if (isBeingMade) become(bytes);
      },
      scan: async () => {
        if (isScanning || !isBeingMade) return;
        isScanning = true;
        isBeingMade = false;
        this.making.leave();
        await this.scanning.enter(owner);
        await this.making.enter(owner);
        if (isReleased) this.made(true);
        else isBeingMade = true;
      },
      release: () => {
        isReleased = true;
        become(0);
      },
    };
  }

  /** A page is no longer being made: the next one may be. */
  private made(isScan: boolean): void {
    if (isScan) this.scanning.leave();
    this.making.leave();
  }

  /** Wake as many as fit. Each is counted here: it goes on only later, and others may be looked at before. */
  private wakeWaiting(owner: ReplyOwner): void {
    while (owner.waitingReplies !== undefined && this.fits(owner)) {
      const next = owner.waitingReplies.shift();
      if (owner.waitingReplies.length === 0) owner.waitingReplies = undefined;
      owner.replyBytes += pageBytes;
      next?.();
    }
  }
}

/** What a large reply is for. */
export interface ReplyTarget {
  readonly share: { roomForReply(isScan?: boolean): Promise<ReplyRoom> };
  /** See `Exchange.turn`. */
  turn?(): Promise<void> | undefined;
  /** No reply can be written any more. */
  readonly isOver: boolean;
  /** Release the room when the reply has left, or at once if it is over already. */
  hold(room: ReplyRoom): void;
}

/**
 * Take room for the reply to a request, which holds it from then on. A reply that must leave after others waits for its turn
 * first: it would take what they need, and wait for them.
 *
 * @throws OVERLOADED, CANCELLED: it is over meanwhile.
 */
export async function holdRoom(target: ReplyTarget, isScan = false): Promise<ReplyRoom> {
  await target.turn?.();
  const room = await target.share.roomForReply(isScan);
  if (target.isOver) {
    // Not held: what was answered instead may wait for its client for long.
    room.release();
    throw new ConfabError("CANCELLED", "the client has gone");
  }
  target.hold(room);
  return room;
}
