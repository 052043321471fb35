import type { SseStream } from "./stream.js";

/** A sweep that wrote to ten thousand sockets at once would hold up everything else; it is done in this many parts. */
const parts = 10;

/** A sign of life on every open stream once in an interval, with one timer for all of them. */
export class Heartbeats {
  private readonly groups: readonly Set<SseStream>[] = Array.from({ length: parts }, () => new Set<SseStream>());
  private next = 0;
  private readonly timer: NodeJS.Timeout;

  constructor(intervalMs: number) {
    this.timer = setInterval(() => this.beatNextGroup(), Math.max(1, intervalMs / parts)).unref();
  }

  /** Its first beat comes after a whole interval. */
  add(stream: SseStream): void {
    this.groups.at(this.next - 1)?.add(stream);
  }

  delete(stream: SseStream): void {
    for (const group of this.groups) if (group.delete(stream)) return;
  }

  /** May be called twice. */
  close(): void {
    clearInterval(this.timer);
  }

  private beatNextGroup(): void {
    for (const stream of this.groups[this.next] ?? []) stream.beat();
    this.next = (this.next + 1) % parts;
  }
}
