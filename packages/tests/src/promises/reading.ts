import type { Position } from "@confab/contract";
import type { ChatMessage } from "@confab/contract/gen/confab/v1/message_pb";
import type { Outcome } from "../parity/raw-clients.js";

/** What a reader's transport can do with the bytes under it. */
export interface Line {
  pause(): void;
  resume(): void;
  close(): void;
}

/** What one reader of a room was told so far. */
export class Reading {
  /** Every message's offset, in the order in which they came. */
  readonly offsets: number[] = [];
  epoch = 0;
  /** Where the server said that it starts; undefined: it has not said so, and the plain WebSocket never does. */
  startedAt: Position | undefined;
  /** Whether the server claimed that the resume is whole; undefined on transports that have no word for it. */
  isRecovered: boolean | undefined;
  /** The catalogue's code with which the server ended it. */
  endedWith: Outcome | undefined;
  private line: Line | undefined;
  private look: () => void = () => undefined;

  attach(line: Line): this {
    this.line = line;
    return this;
  }

  take({ position }: ChatMessage): void {
    this.epoch = position?.epoch ?? 0;
    this.offsets.push(Number(position?.offset));
    this.look();
  }

  started(position: Position | undefined, isRecovered?: boolean): void {
    this.startedAt = position;
    this.isRecovered = isRecovered;
    this.look();
  }

  ended(outcome: Outcome): void {
    this.endedWith ??= outcome;
    this.look();
  }

  /** The position to come back with: of the last message, or where it started. */
  get position(): Position | undefined {
    const offset = this.offsets.at(-1);
    return offset === undefined ? this.startedAt : { epoch: this.epoch, offset };
  }

  /** Resolves when `isEnough`, or when the server has ended the reading: the test looks which. One wait at a time. */
  async until(isEnough: () => boolean): Promise<void> {
    while (!isEnough() && this.endedWith === undefined) {
      await new Promise<void>((resolve) => {
        this.look = resolve;
      });
    }
  }

  async untilOffset(offset: number): Promise<void> {
    await this.until(() => (this.offsets.at(-1) ?? 0) >= offset);
  }

  pause(): void {
    this.line?.pause();
  }

  resume(): void {
    this.line?.resume();
  }

  close(): void {
    this.line?.close();
  }
}
