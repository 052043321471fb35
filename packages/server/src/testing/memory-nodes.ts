import type { NodeAnswerer, NodeAnswers, Nodes } from "../core/index.js";

/** Nodes of one process that ask each other, for tests of what stands above the ports. */
export class MemoryNodes {
  private readonly nodes: MemoryNode[] = [];

  /** One more node: its names are in the order in which they come. */
  node(): Nodes & { close(): void } {
    const name = `node-${String(this.nodes.length + 1).padStart(4, "0")}`;
    const node = new MemoryNode(name, this);
    this.nodes.push(node);
    return node;
  }

  async ask(question: string, wanted?: string): Promise<NodeAnswers> {
    const answers: { node: string; answer: string }[] = [];
    const silent: string[] = [];
    const asked = this.nodes.filter(({ name, isClosed }) => (wanted === undefined ? !isClosed : name === wanted));
    for (const { name, answerer, isClosed } of asked) {
      const answer = isClosed ? undefined : await answerer?.(question).catch(() => undefined);
      if (answer === undefined) silent.push(name);
      else answers.push({ node: name, answer });
    }
    if (wanted !== undefined && asked.length === 0) silent.push(wanted);
    return { answers, silent };
  }
}

class MemoryNode implements Nodes {
  answerer: NodeAnswerer | undefined;
  isClosed = false;

  constructor(
    readonly name: string,
    private readonly all: MemoryNodes,
  ) {}

  answerBy(answerer: NodeAnswerer): void {
    this.answerer = answerer;
  }

  ask(question: string, node?: string): Promise<NodeAnswers> {
    return this.all.ask(question, node);
  }

  close(): void {
    this.isClosed = true;
  }
}
