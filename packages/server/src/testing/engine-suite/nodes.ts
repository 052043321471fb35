import assert from "node:assert/strict";
import { type Engine, type NodeAnswers, type Nodes, nodesOf } from "../../core/index.js";
import type { Define } from "./setup.js";

/** How long until nodes know of each other, in milliseconds; generous for a busy machine. */
const patienceMs = 30_000;

/** A node that answers a question with it, behind its own name in the test. */
function answering(engine: Engine, name: string): Pick<Nodes, "ask"> & { readonly heard: string[] } {
  const nodes = nodesOf(engine);
  const heard: string[] = [];
  nodes.answerBy(async (question) => {
    heard.push(question);
    if (question === "reject") throw new Error("there is no answer");
    return `${name}: ${question}`;
  });
  return { ask: (question, node) => nodes.ask(question, node), heard };
}

function told({ answers }: NodeAnswers): string[] {
  return answers.map(({ answer }) => answer).sort();
}

/** Ask until so many answer: a networked engine knows a moment later which nodes live. */
async function askedOf(nodes: Pick<Nodes, "ask">, count: number): Promise<NodeAnswers> {
  const endMs = Date.now() + patienceMs;
  for (;;) {
    const found = await nodes.ask("hello");
    if (found.answers.length === count && found.silent.length === 0) return found;
    assert.ok(Date.now() < endMs, `${found.answers.length} nodes answer, and ${found.silent.length} do not`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export function nodesSuite(define: Define): void {
  define("a node that is alone answers what it asks", async ({ engine }) => {
    const nodes = answering(engine, "a");
    const { answers, silent } = await nodes.ask("ünïcode\n{}");
    assert.deepEqual([answers.map(({ answer }) => answer), silent], [["a: ünïcode\n{}"], []]);
    const [{ node } = { node: "" }] = answers;
    assert.deepEqual(told(await nodes.ask("again", node)), ["a: again"]);
  });

  define("a node without an answer is silent", async ({ engine }) => {
    const nodes = answering(engine, "a");
    const [{ node } = { node: "?" }] = (await nodes.ask("hello")).answers;
    assert.deepEqual(await nodes.ask("reject"), { answers: [], silent: [node] });
    assert.deepEqual(told(await nodes.ask("hello")), ["a: hello"]);
  });

  define("questions at the same time get their own answers", async ({ engine }) => {
    const nodes = answering(engine, "a");
    const questions = Array.from({ length: 20 }, (_, index) => String(index));
    const answers = await Promise.all(questions.map((question) => nodes.ask(question)));
    assert.deepEqual(
      answers.flatMap(told),
      questions.map((question) => `a: ${question}`),
    );
  });

  define("a node that is not there is silent", async ({ engine }) => {
    const nodes = answering(engine, "a");
    assert.deepEqual(await nodes.ask("hello", "no node"), { answers: [], silent: ["no node"] });
    assert.deepEqual(nodes.heard, []);
  });

  define(
    "every node answers once, in the order of their names, or the one that is asked",
    async (bench) => {
      const engines = [bench.engine, await bench.anotherNode(), await bench.anotherNode()];
      const [a, b, c] = engines.map((engine, index) => answering(engine, "abc"[index] ?? ""));
      assert.ok(a && b && c);
      const all = await askedOf(a, 3);
      assert.deepEqual(told(all), ["a: hello", "b: hello", "c: hello"]);
      const names = all.answers.map(({ node }) => node);
      assert.deepEqual(names, [...new Set(names)].sort());
      for (const nodes of [a, b, c]) nodes.heard.length = 0;
      assert.deepEqual(told(await b.ask("all")), ["a: all", "b: all", "c: all"]);
      for (const nodes of [a, b, c]) assert.deepEqual(nodes.heard.splice(0), ["all"]);
      for (const { node, answer } of all.answers) {
        const one = await c.ask("one", node);
        assert.deepEqual(told(one), [answer.replace("hello", "one")]);
      }
      for (const nodes of [a, b, c]) assert.deepEqual(nodes.heard, ["one"]);
    },
    { needs: "has nodes" },
  );

  define(
    "a node that was closed is not waited for",
    async (bench) => {
      const other = await bench.anotherNode();
      const nodes = answering(bench.engine, "a");
      answering(other, "b");
      await askedOf(nodes, 2);
      await other.close();
      const { answers, silent } = await nodes.ask("hello");
      assert.deepEqual([answers.length, silent], [1, []]);
    },
    { needs: "has nodes" },
  );

  define(
    "a large answer comes whole",
    async (bench) => {
      const other = await bench.anotherNode();
      const nodes = answering(bench.engine, "a");
      answering(other, "b");
      await askedOf(nodes, 2);
      const large = "x".repeat(250_000);
      assert.deepEqual(told(await nodes.ask(large)), [`a: ${large}`, `b: ${large}`]);
    },
    { needs: "has nodes" },
  );
}
