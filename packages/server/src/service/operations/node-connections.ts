import { ConfabError } from "@confab/contract";
import { maxNodeAnswerBytes, type Nodes } from "../../core/index.js";
import type { LiveCallers } from "./live-callers.js";
import type { LiveFilter, LiveTarget, LiveView } from "./live-entries.js";

/** What nodes ask each other about their connections. Other versions may ask other things, or say more. */
type Question =
  | ({ readonly ask: "count connections" } & LiveFilter)
  | ({ readonly ask: "list connections"; readonly after: number; readonly limit: number } & LiveFilter)
  | {
      readonly ask: "disconnect";
      readonly target: LiveTarget;
      readonly reason: string;
      readonly mayReturn: boolean;
    };

interface Counted {
  readonly count: number;
}

interface ListedViews {
  readonly found: readonly LiveView[];
  readonly hasMore: boolean;
}

export interface NodeCounts {
  /** By name, rising. */
  readonly nodes: readonly { readonly node: string; readonly count: number }[];
  readonly silent: readonly string[];
}

/** Questions that this node answers at a time: each looks at all its connections, in slices. More wait. */
const maxAnswering = 64;

/** Within how long a client that may return should do so, in milliseconds. */
const returnWithinMs = 1_000;

/** The connections of all nodes: each node answers for its own. */
export class NodeConnections {
  private answering = 0;
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly nodes: Nodes,
    private readonly live: LiveCallers,
  ) {
    nodes.answerBy((question) => this.answer(JSON.parse(question) as Question));
  }

  /** How many fit, on each node. @throws ENGINE_UNAVAILABLE, OVERLOADED */
  async count(filter: LiveFilter): Promise<NodeCounts> {
    const { answers, silent } = await this.ask<Counted>({ ask: "count connections", ...filter });
    return { nodes: answers.map(({ node, answer }) => ({ node, count: answer.count })), silent };
  }

  /** As `LiveCallers.list`, of one node; undefined: it does not answer. @throws ENGINE_UNAVAILABLE, OVERLOADED */
  async list(node: string, filter: LiveFilter, after: number, limit: number): Promise<ListedViews | undefined> {
    const { answers } = await this.ask<ListedViews>({ ask: "list connections", ...filter, after, limit }, node);
    return answers[0]?.answer;
  }

  /**
   * End connections on all nodes. Resolves with how many those were.
   *
   * @throws OUTCOME_UNKNOWN: some nodes did not answer, the others have done it. ENGINE_UNAVAILABLE, OVERLOADED: none has.
   */
  async end(target: LiveTarget, reason: string, mayReturn: boolean): Promise<number> {
    const { answers, silent } = await this.ask<Counted>({ ask: "disconnect", target, reason, mayReturn });
    const ended = answers.reduce((sum, { answer }) => sum + answer.count, 0);
    if (silent.length === 0) return ended;
    const text = `${ended} connections were ended, and not all nodes have answered: ${namesOf(silent)}`;
    throw new ConfabError("OUTCOME_UNKNOWN", text, { retryAfterMs: 1_000 });
  }

  private async ask<Answer>(question: Question, node?: string) {
    const { answers, silent } = await this.nodes.ask(JSON.stringify(question), node);
    return { answers: answers.map((each) => ({ node: each.node, answer: JSON.parse(each.answer) as Answer })), silent };
  }

  /** One after another. @throws Error: this version has no answer, or too many questions wait: the node is silent. */
  private async answer(question: Question): Promise<string> {
    if (this.answering >= maxAnswering) throw new Error("too many questions");
    this.answering++;
    const before = this.last;
    const answered = before.then(
      () => this.answerNow(question),
      () => this.answerNow(question),
    );
    this.last = answered;
    try {
      const text = JSON.stringify(await answered);
      if (text.length > maxNodeAnswerBytes / 4) throw new Error("the answer is too large");
      return text;
    } finally {
      this.answering--;
    }
  }

  private async answerNow(question: Question): Promise<Counted | ListedViews> {
    const { live } = this;
    switch (question.ask) {
      case "count connections":
        return { count: await live.count(question) };
      case "list connections":
        return live.list(question, question.after, question.limit);
      case "disconnect":
        return { count: await live.end(question.target, endingOf(question)) };
      default:
        throw new Error("a question of a later version");
    }
  }
}

function endingOf({ reason, mayReturn }: { readonly reason: string; readonly mayReturn: boolean }): ConfabError {
  const text = reason || (mayReturn ? "an operator asks for a new connection" : "an operator ended the connection");
  return mayReturn
    ? new ConfabError("RECONNECT", text, { retryAfterMs: returnWithinMs })
    : new ConfabError("DISCONNECTED", text);
}

/** Names of nodes in one message of an error. */
const maxNames = 20;

function namesOf(nodes: readonly string[]): string {
  const more = nodes.length > maxNames ? ` and ${nodes.length - maxNames} more` : "";
  return nodes.slice(0, maxNames).join(", ") + more;
}
