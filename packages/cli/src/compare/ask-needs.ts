import { createInterface } from "node:readline";
import type { Need } from "@confab/lab";
import type { CommandContext } from "../command.js";

interface Question {
  readonly text: string;
  /** What each answer needs; the first letter of an answer is enough, and the first answer is the default. */
  readonly answers: Readonly<Record<string, readonly Need[]>>;
}

const questions: readonly Question[] = [
  {
    text: "Who receives the messages?",
    answers: { browsers: ["browser", "push"], services: ["push"], both: ["browser", "push"] },
  },
  {
    text: "Do they also send, at any time and often?",
    answers: { yes: ["bidi"], no: [] },
  },
  {
    text: "What matters most?",
    answers: { cpu: ["low-cpu"], bytes: ["small-bytes"], proxies: ["http1-proxy"], strictness: ["contract"] },
  },
];

/** Three questions, on a terminal; before the minutes of measuring and not after them. @throws AbortError: Ctrl-C. */
export async function askNeeds({ stdin, err, signal }: CommandContext): Promise<readonly Need[]> {
  const lines = createInterface({ input: stdin, signal })[Symbol.asyncIterator]();
  const needs: Need[] = [];
  for (const { text, answers } of questions) {
    const names = Object.keys(answers);
    await err.line(`${text} [${names.join(" / ")}]`);
    const answer = String((await lines.next()).value ?? "")
      .trim()
      .toLowerCase();
    const chosen = names.find((name) => answer !== "" && name.startsWith(answer)) ?? names[0] ?? "";
    needs.push(...(answers[chosen] ?? []));
  }
  await lines.return?.();
  return [...new Set(needs)];
}
