import { ConfabError, type Position } from "@confab/contract";
import type { Outbox, OutboxListener, RoomId, RoomSummary } from "../core/index.js";

/** The cursors of one receiver on some nodes without a disk, of which the first one that is open delivers. */
export class MemoryOutboxes {
  readonly cursors = new Map<RoomId, Position>();
  readonly nodes: MemoryOutbox[] = [];

  constructor(readonly list: () => readonly RoomSummary[]) {}

  /** That of one more node. */
  node(): MemoryOutbox {
    return new MemoryOutbox(this);
  }

  appended(room: RoomId): void {
    this.nodes[0]?.listener?.undelivered(room);
  }

  removed(room: RoomId): void {
    this.cursors.delete(room);
  }
}

export class MemoryOutbox implements Outbox {
  listener: OutboxListener | undefined;

  constructor(private readonly all: MemoryOutboxes) {}

  follow(listener: OutboxListener): void {
    this.listener = listener;
    this.all.nodes.push(this);
    this.scan();
  }

  scan(): void {
    if (!this.isDelivering) return;
    for (const { room, newest } of this.all.list())
      if ((this.all.cursors.get(room)?.offset ?? 0) < newest) this.listener?.undelivered(room);
  }

  cursor(room: RoomId): Position | undefined {
    return this.all.cursors.get(room);
  }

  confirm(room: RoomId, position: Position): void {
    if (!this.isDelivering) throw new ConfabError("ENGINE_UNAVAILABLE", "another node delivers what is stored");
    this.all.cursors.set(room, position);
  }

  async close(): Promise<void> {
    const { nodes } = this.all;
    const at = nodes.indexOf(this);
    if (at >= 0) nodes.splice(at, 1);
    if (at === 0) nodes[0]?.scan();
  }

  /** As if another node delivers now. */
  end(): void {
    this.listener?.ended();
  }

  private get isDelivering(): boolean {
    return this.all.nodes[0] === this;
  }
}
