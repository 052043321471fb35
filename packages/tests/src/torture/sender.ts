import type { TransportName } from "@confab/client/node";
import type { Random } from "@confab/contract/testing/random";
import { type AckedPlace, digestOf, type SentMessage } from "./evidence.js";
import type { Diary } from "./journal.js";
import { LinkPool } from "./link-pool.js";
import { backOffMs, pause } from "./pause.js";
import type { RoomPlan } from "./rooms.js";

/** How long a sender waits for an acknowledgement before it sends again, in milliseconds. */
const ackTimeoutMs = 2_000;

/** One acknowledged message in so many is sent again: the answer has to be the same. */
const oneRepeatIn = 20;

export interface SenderOptions {
  readonly url: string;
  readonly name: string;
  readonly plan: RoomPlan;
  readonly home: TransportName;
  readonly transports: readonly [TransportName, ...TransportName[]];
  readonly random: Random;
  readonly diary: Diary;
  /** After so many messages it is silent. */
  readonly maxMessages: number;
}

type OwnMessage = SentMessage & { readonly acks: AckedPlace[]; readonly text: string };

/** Somebody who sends to one room, each message until it is acknowledged, whatever happens. */
export class Sender {
  readonly sent: SentMessage[] = [];
  private readonly links: LinkPool;

  constructor(private readonly options: SenderOptions) {
    this.links = new LinkPool(options.url);
  }

  /** Send until the signal aborts, or all has been said. What is on its way by an abort stays unacknowledged. */
  async run(signal: AbortSignal): Promise<void> {
    const { plan, random, maxMessages } = this.options;
    const sendInTurn = async () => {
      while (!signal.aborted && this.sent.length < maxMessages) {
        const message = this.nextMessage();
        await this.deliver(message, signal);
        if (random.oneIn(oneRepeatIn)) await this.deliver(message, signal);
        await pause(random.int(plan.minPauseMs, plan.maxPauseMs), signal);
      }
    };
    await Promise.all(Array.from({ length: plan.atOnce }, sendInTurn));
    this.links.close();
  }

  private nextMessage(): OwnMessage {
    const { name: user, plan, random } = this.options;
    const id = `${user}-${this.sent.length + 1}`;
    const text = random.text(random.int(1, 60)).repeat(random.int(1, plan.maxRepeats));
    const digest = digestOf({ room: plan.room, user, id, text });
    const message: OwnMessage = { room: plan.room, id, digest, text, acks: [] };
    this.sent.push(message);
    return message;
  }

  private async deliver({ room, id, text, acks }: OwnMessage, signal: AbortSignal): Promise<void> {
    const { name: user, home, transports, random, diary } = this.options;
    let transport = home;
    for (let failures = 0; !signal.aborted; ) {
      try {
        const options = { signal, timeoutMs: ackTimeoutMs };
        const ack = await this.links.get(transport).send({ room, user, id, text }, options);
        acks.push({ position: ack.position, sentAtUnixMs: ack.sentAt.getTime() });
        diary.count(ack.duplicate ? "acknowledged as a duplicate" : "acknowledged");
        return;
      } catch (error) {
        if (signal.aborted) return;
        diary.failed(`send of ${id} by ${transport}`, error);
        // Half of the time by the same link, which has to be as good as new.
        if (random.oneIn(2)) this.links.drop(transport);
        if (random.oneIn(3)) transport = random.pick(transports);
        await pause(backOffMs(failures++, random), signal);
      }
    }
  }
}
