import { ConfabError } from "@confab/contract";
import { type Command, type CommandContext, UnreachableError, UsageError } from "./command.js";
import { type ExitCode, exitCode, exitCodesHelp } from "./exit-codes.js";

interface CommandEntry {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Only the command that runs is loaded: the server alone takes longer to load than a message takes to send. */
  readonly load: () => Promise<Command>;
}

const commands: readonly CommandEntry[] = [
  { name: "serve", summary: "run a server", load: async () => (await import("./commands/serve.js")).serve },
  {
    name: "send",
    summary: "send a message, or each line of standard input",
    load: async () => (await import("./commands/send.js")).send,
  },
  {
    name: "edit",
    summary: "change what a message says",
    load: async () => (await import("./commands/edit.js")).edit,
  },
  {
    name: "delete",
    summary: "delete a message",
    load: async () => (await import("./commands/delete.js")).deleteCommand,
  },
  {
    name: "react",
    summary: "react to a message, or take that back",
    load: async () => (await import("./commands/react.js")).react,
  },
  {
    name: "listen",
    summary: "print a room's messages as they come",
    load: async () => (await import("./commands/listen.js")).listen,
  },
  {
    name: "history",
    summary: "print what a room's log holds",
    load: async () => (await import("./commands/history.js")).history,
  },
  { name: "rooms", summary: "list the rooms", load: async () => (await import("./commands/rooms.js")).rooms },
  {
    name: "admin",
    summary: "connections, tokens, rooms and users: see, end, revoke, delete, erase",
    load: async () => (await import("./commands/admin.js")).admin,
  },
  {
    name: "token",
    summary: "make and explain tokens, for development",
    load: async () => (await import("./commands/token.js")).token,
  },
  {
    name: "compare",
    summary: "gRPC or WebSockets? measured, with your message",
    load: async () => (await import("./commands/compare.js")).compare,
  },
  {
    name: "bench",
    summary: "measure this server beside others",
    load: async () => (await import("./commands/bench.js")).bench,
  },
];

/** Run what a command line says. Never rejects: what goes wrong is one line on `err` and the exit code. */
export async function runCommandLine(
  args: readonly string[],
  context: CommandContext & { readonly version: string },
): Promise<ExitCode> {
  const [name, ...rest] = args;
  const command = commands.find((each) => each.name === name);
  try {
    if (command) return await runCommand(await command.load(), rest, context);
    if (name === undefined) {
      await context.err.line(overview());
      return exitCode.usage;
    }
    if (name === "--version" || name === "-v") await context.out.line(context.version);
    else if (name === "--help" || name === "-h" || name === "help") await context.out.line(await helpOf(rest[0]));
    else
      throw new UsageError(
        `there is no command ${JSON.stringify(name)}; there are ${commands.map((each) => each.name).join(", ")}`,
      );
    return exitCode.ok;
  } catch (error) {
    return report(error, command, { ...context, hasToken: hasToken(rest, context) });
  }
}

async function runCommand(command: Command, args: string[], context: CommandContext): Promise<ExitCode> {
  const beforeDashes = args.includes("--") ? args.slice(0, args.indexOf("--")) : args;
  if (beforeDashes.includes("--help") || beforeDashes.includes("-h")) {
    await context.out.line(command.help);
    return exitCode.ok;
  }
  return command.run(args, context);
}

/** Whether the server was shown one. */
function hasToken(args: readonly string[], { env }: CommandContext): boolean {
  return Boolean(env["CONFAB_TOKEN"]) || args.some((each) => /^--token(?:=|$)/.test(each));
}

async function report(
  error: unknown,
  command: CommandEntry | undefined,
  { err, signal, hasToken }: CommandContext & { readonly hasToken: boolean },
): Promise<ExitCode> {
  if (error instanceof UsageError) {
    await err.line(`confab: ${error.message}`);
    await err.line(`Try: confab ${command ? `${command.name} ` : ""}--help`);
    return exitCode.usage;
  }
  if (signal.aborted) return exitCode.interrupted;
  if (error instanceof UnreachableError) {
    await err.line(`confab: ${error.message}`);
    return exitCode.unreachable;
  }
  if (error instanceof ConfabError) {
    // Such an error comes from a command that has loaded the client; a server starts without it.
    const { isNetworkFailure } = await import("@confab/client/node");
    await err.line(`confab: ${isNetworkFailure(error) ? "" : `${error.code}: `}${error.message}`);
    if (error.code === "UNAUTHENTICATED" && !hasToken)
      await err.line("Give a token: --token FILE, or the token itself in CONFAB_TOKEN");
    return isNetworkFailure(error) ? exitCode.unreachable : exitCode.refused;
  }
  // A bug of ours: whoever reports it needs the whole of it.
  await err.line(`confab: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return exitCode.refused;
}

async function helpOf(name: string | undefined): Promise<string> {
  const command = await commands.find((each) => each.name === name)?.load();
  return command?.help ?? overview();
}

function overview(): string {
  const list = commands.map(({ name, summary }) => `  ${name.padEnd(10)} ${summary}`).join("\n");
  return `Usage: confab COMMAND [options]

${list}

  confab COMMAND --help    the options of a command
  confab --version

${exitCodesHelp}`;
}
