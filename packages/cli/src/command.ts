import type { Readable } from "node:stream";
import type { ExitCode } from "./exit-codes.js";
import type { LineWriter } from "./output/line-writer.js";

/** What a command has of the world. */
export interface CommandContext {
  readonly out: LineWriter;
  readonly err: LineWriter;
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ctrl-C, or whoever read our output is gone: end cleanly. */
  readonly signal: AbortSignal;
  /** How a user calls this program: `confab`, or `node packages/cli/dist/main.js`. */
  readonly program: string;
}

export interface Command {
  readonly help: string;
  /** @throws UsageError, ConfabError. */
  run(args: string[], context: CommandContext): Promise<ExitCode>;
}

/** There is no server to talk to; the message says why. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";
}

/** The command line is wrong; the message says what, in words of the command line. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
