import { fileURLToPath } from "node:url";
import { type LiveProgram, startProgram } from "../fixture/live-program.js";

const confab = fileURLToPath(new URL("../../../cli/dist/main.js", import.meta.url));

/** `confab serve` on a data folder: a server that listens, or the reason why it does not. */
export interface ServeAttempt {
  readonly program: LiveProgram;
  /** Resolves with its URL once it listens; undefined: it ended instead. */
  readonly url: Promise<string | undefined>;
  /** Resolves with what it printed, once it has ended by itself. @throws Error: it listens. */
  refusal(): Promise<string>;
}

/** `by`: a command line that starts it, such as one that gives it a PID namespace. */
export function serveOn(dataDir: string, by: readonly string[] = []): ServeAttempt {
  const [command = "", ...args] = [...by, process.execPath, confab, "serve", "--port", "0", "--data", dataDir];
  const program = startProgram(command, args);
  const listening = program.until(/http:\/\/127\.0\.0\.1:\d+/);
  return {
    program,
    url: listening.then(
      (text) => /http:\/\/127\.0\.0\.1:\d+/.exec(text)?.[0],
      () => undefined,
    ),
    refusal: () =>
      listening.then(
        () => Promise.reject(new Error("it listens")),
        (error: Error) => error.message,
      ),
  };
}

/** Send a message over REST. The result is the offset of its acknowledgement, or the error's code. */
export async function sendTo(url: string, text: string): Promise<number | string> {
  const response = await fetch(`${url}/v1/rooms/lobby/messages`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ user: "ann", text }),
  });
  const reply = (await response.json()) as { position?: { offset: string }; error?: { code: string }; code?: string };
  return reply.position ? Number(reply.position.offset) : JSON.stringify(reply);
}

/** The texts of the room, oldest first, at most 100. */
export async function textsAt(url: string): Promise<string[]> {
  const response = await fetch(`${url}/v1/rooms/lobby/messages?limit=100&oldest_first=true`);
  const { messages = [] } = (await response.json()) as { messages?: { text: string }[] };
  return messages.map(({ text }) => text);
}
