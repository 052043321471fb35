import type { Random } from "@confab/contract/testing/random";
import { type AckedPlace, digestOf, type SentMessage } from "./evidence.js";
import type { Diary } from "./journal.js";
import { pause } from "./pause.js";
import type { Post } from "./post.js";
import type { RoomPlan } from "./rooms.js";

/** One acknowledged message in so many is sent again: the answer has to be the same. */
const oneRepeatIn = 20;

export interface SenderOptions {
  readonly name: string;
  readonly plan: RoomPlan;
  readonly post: Post;
  readonly random: Random;
  readonly diary: Diary;
  /** After so many messages it is silent. */
  readonly maxMessages: number;
}

type OwnMessage = SentMessage & { readonly acks: AckedPlace[]; readonly text: string };

/** Somebody who sends to one room, each message until it is acknowledged, whatever happens. */
export class Sender {
  readonly sent: SentMessage[] = [];

  constructor(private readonly options: SenderOptions) {}

  /** Send until the signal aborts, or all has been said. What is on its way by an abort stays unacknowledged. */
  async run(signal: AbortSignal): Promise<void> {
    const { plan, random, maxMessages, post } = this.options;
    const sendInTurn = async () => {
      while (!signal.aborted && this.sent.length < maxMessages) {
        const message = this.nextMessage();
        await this.deliver(message, signal);
        if (random.oneIn(oneRepeatIn)) await this.deliver(message, signal);
        await pause(random.int(plan.minPauseMs, plan.maxPauseMs), signal);
      }
    };
    await Promise.all(Array.from({ length: plan.atOnce }, sendInTurn));
    post.close();
  }

  private nextMessage(): OwnMessage {
    const { name: user, plan, random, post } = this.options;
    const id = `${user}-${this.sent.length + 1}`;
    const text = random.text(random.int(1, 60)).repeat(random.int(1, plan.maxRepeats));
    const digest = digestOf({ room: plan.room, user, id, text });
    const message = { room: plan.room, id, digest, text, acks: [], inOrderOf: post.keepsOrder ? user : undefined };
    this.sent.push(message);
    return message;
  }

  private async deliver({ room, id, text, acks }: OwnMessage, signal: AbortSignal): Promise<void> {
    const { name: user, post, diary } = this.options;
    const ack = await post.send({ room, user, id, text }, signal);
    if (!ack) return;
    acks.push({ position: ack.position, sentAtUnixMs: ack.sentAt.getTime() });
    diary.count(ack.duplicate ? "acknowledged as a duplicate" : "acknowledged");
  }
}
