import assert from "node:assert/strict";
import type { Client, ConnectOptions, PrefixSubscription, TransportName } from "@confab/client/node";
import { quickClient } from "../../sdk/conversation.js";

/** The transports by which a prefix of rooms can be read. */
export const withFrames: readonly TransportName[] = ["websocket-proto", "websocket-json", "grpc"];

/** A reader of a prefix that can be killed and begun again, and what it was given by room. */
export class PrefixReader {
  /** Offsets by room, in the order in which they were given. */
  readonly given = new Map<string, number[]>();
  private client: Client | undefined;
  private reading: PrefixSubscription | undefined;
  private total = 0;
  private failure: unknown;
  private wake: () => void = () => undefined;

  constructor(private readonly prefix: string) {}

  /** Begin, or go on where it was killed. */
  start(options: ConnectOptions): void {
    this.client = quickClient(options);
    const reading = this.client.prefix(this.prefix).subscribe(
      ({ room, position }) => {
        const offsets = this.given.get(room) ?? [];
        this.given.set(room, offsets);
        offsets.push(Number(position.split(":")[1]));
        this.total++;
        this.wake();
      },
      { after: this.reading?.positions },
    );
    this.reading = reading;
    void reading.ended.then((error) => {
      this.failure = error;
      this.wake();
    });
  }

  kill(): void {
    this.reading?.unsubscribe();
    this.client?.close();
  }

  /** Resolves once so many rooms have begun. */
  async untilRooms(count: number): Promise<void> {
    while ((this.reading?.positions?.size ?? -1) < count) await this.turn();
  }

  async untilGiven(count: number): Promise<void> {
    while (this.total < count) {
      if (this.failure) throw new Error(`reading ended after ${this.total} of ${count}`, { cause: this.failure });
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  /** Each message of each room once and in order: up to `last`, from `first` on. */
  prove(rooms: ReadonlyMap<string, { readonly first: number; readonly last: number }>): void {
    assert.deepEqual([...this.given.keys()].sort(), [...rooms.keys()].sort());
    for (const [room, { first, last }] of rooms) {
      const expected = Array.from({ length: last - first + 1 }, (_, at) => first + at);
      assert.deepEqual(this.given.get(room), expected, room);
    }
  }

  private async turn(): Promise<void> {
    if (this.failure) throw new Error("reading ended", { cause: this.failure });
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Rooms with senders, and which messages each has. */
export class Team {
  readonly rooms = new Map<string, { readonly first: number; last: number }>();

  constructor(
    readonly prefix: string,
    private readonly senders: readonly Client[],
  ) {}

  /** Say something in rooms by their numbers, over all senders. `first`: the first offset that a reader is to get of new rooms. */
  async say(numbers: readonly number[], { times = 1, first = 1 } = {}): Promise<void> {
    const sends: Promise<unknown>[] = [];
    for (let time = 0; time < times; time++)
      for (const number of numbers) {
        const room = `${this.prefix}${number}`;
        const known = this.rooms.get(room) ?? { first, last: 0 };
        known.last++;
        this.rooms.set(room, known);
        const sender = this.senders[number % this.senders.length] ?? assert.fail();
        sends.push(sender.room(room).send({ text: `${time}`, user: "ann" }));
      }
    await Promise.all(sends);
  }

  /** How many messages a reader is to get. */
  get total(): number {
    return [...this.rooms.values()].reduce((sum, { first, last }) => sum + last - first + 1, 0);
  }
}

export function numbers(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, at) => from + at);
}
