import { randomBytes } from "node:crypto";
import { ConfabError } from "@confab/contract";
import {
  maxNodeAnswerBytes,
  type NodeAnswerer,
  type NodeAnswers,
  type Nodes,
  nodeAnswerTimeoutMs,
} from "../../../core/index.js";
import { confabErrorFromRedis } from "../redis-error.js";
import type { RedisLink } from "../redis-link.js";
import type { MemberKeys } from "./member-keys.js";

export interface RedisNodesDeps {
  readonly link: Pick<RedisLink, "send" | "subscribe">;
  readonly keys: MemberKeys;
  /** The name of this node now. */
  readonly node: () => string;
}

/** Questions of this node that wait for answers at a time. */
const maxOpenQuestions = 64;

/** How long until a channel that could not be subscribed to is tried again, in milliseconds. */
const resubscribeAfterMs = 1_000;

/** What stands before the text of a question, as a line of JSON. */
interface QuestionHead {
  readonly id: string;
  /** The process that asks. */
  readonly from: string;
  /** The one node that is asked; undefined: all. */
  readonly to?: string;
}

/** What stands before the text of an answer, as a line of JSON. */
interface AnswerHead {
  readonly id: string;
  readonly node: string;
}

interface OpenQuestion {
  /** Nodes that have not answered. */
  readonly expected: Set<string>;
  readonly answers: { node: string; answer: string }[];
  readonly done: () => void;
}

/**
 * Questions to all nodes by Pub/Sub: each node listens on one channel for questions, and on one for the answers to its own. Which
 * nodes live is known by their heartbeats (`NodeLife`). A node of a version without questions is one that does not answer.
 */
export class RedisNodes implements Nodes {
  /** What Redis brings on these is for `receive`. */
  readonly channels: ReadonlySet<string>;
  private readonly process = randomBytes(8).toString("hex");
  private readonly toldChannel: string;
  private readonly open = new Map<string, OpenQuestion>();
  private answerer: NodeAnswerer | undefined;
  private timer: NodeJS.Timeout | undefined;
  private isClosed = false;

  constructor(private readonly deps: RedisNodesDeps) {
    this.toldChannel = deps.keys.told(this.process);
    this.channels = new Set([deps.keys.asked, this.toldChannel]);
  }

  /** Never rejects: what fails is tried again until `close`. Meanwhile this node is silent. */
  async start(): Promise<void> {
    await this.subscribe([...this.channels]);
  }

  close(): void {
    this.isClosed = true;
    clearTimeout(this.timer);
    for (const { done } of this.open.values()) done();
  }

  answerBy(answerer: NodeAnswerer): void {
    this.answerer = answerer;
  }

  async ask(question: string, node?: string): Promise<NodeAnswers> {
    if (this.open.size >= maxOpenQuestions)
      throw new ConfabError("OVERLOADED", `${maxOpenQuestions} questions wait for the answers of nodes`);
    const own = this.deps.node();
    const all = node === undefined ? await this.liveNodes(own) : [node];
    const id = randomBytes(8).toString("hex");
    let timer: NodeJS.Timeout | undefined;
    const expected = new Set(all);
    const answers: { node: string; answer: string }[] = [];
    await new Promise<void>((resolve) => {
      this.open.set(id, { expected, answers, done: resolve });
      timer = setTimeout(resolve, nodeAnswerTimeoutMs);
      // First the others: they need longer.
      if (all.some((each) => each !== own)) this.publish(id, question, node);
      if (expected.has(own)) void this.answerOwn(id, question, own);
    });
    clearTimeout(timer);
    this.open.delete(id);
    return { answers: answers.sort((a, b) => (a.node < b.node ? -1 : 1)), silent: [...expected].sort() };
  }

  /** What Redis brings on `channels`. What others publish there must not end the connection. */
  receive(channel: string, message: Buffer): void {
    const end = message.indexOf("\n");
    if (end < 0) return;
    let head: Partial<QuestionHead & AnswerHead>;
    try {
      head = JSON.parse(message.toString("utf8", 0, end)) as typeof head;
    } catch {
      return;
    }
    if (channel === this.toldChannel) {
      if (message.length - end > maxNodeAnswerBytes) return;
      this.answered(String(head.id), String(head.node), message.toString("utf8", end + 1));
      return;
    }
    const { id, from, to } = head;
    const own = this.deps.node();
    if (from === undefined || from === this.process || (to !== undefined && to !== own)) return;
    if (!/^[0-9a-f]{16}$/.test(from)) return;
    void this.answer(String(id), from, message.toString("utf8", end + 1));
  }

  /** @throws ENGINE_UNAVAILABLE */
  private async liveNodes(own: string): Promise<string[]> {
    const { link, keys } = this.deps;
    try {
      const alive = (await link.send(keys.aliveNodes, ["ZRANGE", keys.aliveNodes, "0", "-1"])) as Buffer[];
      // This one may not have sent its first heartbeat.
      return [...new Set([own, ...alive.map(String)])];
    } catch (thrown) {
      throw confabErrorFromRedis(thrown, false);
    }
  }

  private publish(id: string, question: string, to: string | undefined): void {
    const { link, keys } = this.deps;
    const head: QuestionHead = { id, from: this.process, ...(to !== undefined && { to }) };
    link.send(keys.asked, ["SPUBLISH", keys.asked, `${JSON.stringify(head)}\n${question}`]).catch(() => {
      // Whether it went out is not known: those who do not answer are silent.
    });
  }

  private async answerOwn(id: string, question: string, own: string): Promise<void> {
    const answer = await this.answerTo(question);
    if (answer !== undefined) this.answered(id, own, answer);
  }

  private async answer(id: string, from: string, question: string): Promise<void> {
    const answer = await this.answerTo(question);
    if (answer === undefined) return;
    const head: AnswerHead = { id, node: this.deps.node() };
    const channel = this.deps.keys.told(from);
    try {
      await this.deps.link.send(channel, ["SPUBLISH", channel, `${JSON.stringify(head)}\n${answer}`]);
    } catch {
      // The one that asks finds this node silent.
    }
  }

  /** Undefined: this node has no answer, and is silent. */
  private async answerTo(question: string): Promise<string | undefined> {
    try {
      const answered: Promise<string> | undefined = this.answerer?.(question);
      return await answered;
    } catch {
      return undefined;
    }
  }

  private answered(id: string, node: string, answer: string): void {
    const question = this.open.get(id);
    if (!question?.expected.delete(node)) return;
    question.answers.push({ node, answer });
    if (question.expected.size === 0) question.done();
  }

  private async subscribe(channels: readonly string[]): Promise<void> {
    const missing: string[] = [];
    for (const channel of channels) {
      try {
        await this.deps.link.subscribe(channel);
      } catch {
        missing.push(channel);
      }
    }
    if (missing.length === 0 || this.isClosed) return;
    this.timer = setTimeout(() => void this.subscribe(missing), resubscribeAfterMs);
    this.timer.unref();
  }
}
