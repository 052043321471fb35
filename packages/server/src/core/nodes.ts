import type { Engine } from "./engine.js";
import type { NodeAnswerer, NodeAnswers, Nodes } from "./ports.js";

/** How long the other nodes have to answer a question, in milliseconds. A healthy one takes a few. */
export const nodeAnswerTimeoutMs = 2_000;

/** An answer of more bytes is not taken: it would hold up what else the connections between nodes bring. */
export const maxNodeAnswerBytes = 1_048_576;

/** The nodes of an engine: those that it knows, or this one alone. To be called once for an engine. */
export function nodesOf(engine: Pick<Engine, "nodes">): Nodes {
  return engine.nodes ?? new LoneNode();
}

/** The only node. It has no name. */
class LoneNode implements Nodes {
  private answerer: NodeAnswerer | undefined;

  answerBy(answerer: NodeAnswerer): void {
    this.answerer = answerer;
  }

  async ask(question: string, node = ""): Promise<NodeAnswers> {
    try {
      if (node !== "" || !this.answerer) return { answers: [], silent: [node] };
      const answered: Promise<string> = this.answerer(question);
      return { answers: [{ node, answer: await answered }], silent: [] };
    } catch {
      // As with a node that is elsewhere: what went wrong there is not known here.
      return { answers: [], silent: [node] };
    }
  }
}
