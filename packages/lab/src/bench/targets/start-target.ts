import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../../cluster/redis-process.js";
import { portPrintedBy } from "../child-output.js";
import { nowUs, sleep } from "../load/clock.js";
import { createNatsStream } from "../load/wires/nats-stream.js";
import type { TargetName } from "../options.js";
import type { Role, RunningChild, Sandbox } from "../sandbox.js";
import { builtCommit } from "./before.js";
import { confabCommand, type Durability, earlierCommand, type ServeOptions } from "./confab.js";
import type { FloorArgument } from "./floor.js";
import { isPeerProgram, type PeerProgramName, peerPrograms, whyMissing } from "./programs.js";
import type { SocketIoArgument } from "./socket-io.js";
import { findTool } from "./tools.js";

/** Those that keep messages for readers that come back. */
export type KeepingTargetName = Extract<TargetName, "floor" | "socket-io" | "nchan" | "nats" | "before" | "confab">;

/** A server under test that listens. */
export interface StartedTarget {
  readonly pid: number;
  readonly port: number;
  /** What its callers show; undefined: nothing. */
  readonly token?: string;
  /** End it and remove what it wrote. */
  stop(): Promise<void>;
}

/** How long a server may take to listen, in milliseconds. */
const startTimeoutMs = 60_000;

/** @throws Error: it is not built or not installed, ended, or did not listen in time. */
export async function startTarget(
  sandbox: Sandbox,
  name: TargetName,
  durability: Durability = "fsync",
  more: readonly string[] = [],
): Promise<StartedTarget> {
  if (isPeerProgram(name)) return await startPeerProgram(sandbox, name, 0);
  if (name === "bun" || name === "grpc-go") return await startCommand(sandbox, toolCommand(name));
  if (name !== "confab" && name !== "before" && name !== "before-hooks")
    return await startCommand(sandbox, programOf(name));
  const folder = sandbox.makeFolder();
  const command = serverCommand(sandbox, name, { folder, durability, more });
  return await startCommand(sandbox, command, () => sandbox.removeFolder(folder));
}

/** The last commit before hooks: the server has no place for them. */
export const commitBeforeHooks = "58591bf";

/** This server, or that of an earlier commit. */
export type ServerVersion = Extract<TargetName, "before" | "before-hooks" | "confab">;

/** The command of one of Confab's servers; `more` is for this one only. @throws Error: it is not built. */
export function serverCommand(sandbox: Sandbox, version: ServerVersion, options: ServeOptions): readonly string[] {
  if (version === "confab") return confabCommand(options);
  return earlierCommand(
    builtCommit(version === "before" ? sandbox.before : commitBeforeHooks, () => undefined),
    options,
  );
}

/**
 * The same for a server whose readers come back, or read from the beginning: it keeps the newest `keptMessages` for them,
 * or more.
 *
 * @throws Error: it is not built or not installed, ended, did not listen in time, or keeps nothing.
 */
export async function startKeepingTarget(
  sandbox: Sandbox,
  name: KeepingTargetName,
  keptMessages: number,
  durability: Durability = "fsync",
): Promise<StartedTarget> {
  switch (name) {
    case "floor":
      return await startCommand(sandbox, [...programOf(name), JSON.stringify({ keeps: true } satisfies FloorArgument)]);
    case "socket-io":
      return await startCommand(sandbox, [
        ...programOf(name),
        JSON.stringify({ recovers: true } satisfies SocketIoArgument),
      ]);
    case "nchan":
      return await startPeerProgram(sandbox, name, keptMessages);
    case "nats": {
      const target = await startPeerProgram(sandbox, name, keptMessages);
      await createNatsStream(target.port);
      return target;
    }
    case "before":
    case "confab":
      return await startTarget(sandbox, name, durability);
    default: {
      const unknown: never = name;
      throw new Error(`${String(unknown)} keeps no messages`);
    }
  }
}

/**
 * Start a program, on the server's core unless `role` says otherwise, that prints where it listens; `tidyUp` follows its end.
 *
 * @throws Error: it ended, or did not listen in time.
 */
export async function startCommand(
  sandbox: Sandbox,
  command: readonly string[],
  tidyUp?: () => void,
  role: Role = "server",
): Promise<StartedTarget> {
  const child = sandbox.spawn(role, command);
  return await onceListening(sandbox, child, () => portPrintedBy(child, startTimeoutMs), tidyUp);
}

/** The command of a program in this folder. */
export function programOf(name: string): readonly string[] {
  return [process.execPath, fileURLToPath(new URL(`./${name}.js`, import.meta.url))];
}

/** A peer that `npm run tools` installs, and that prints where it listens. */
function toolCommand(name: "bun" | "grpc-go"): readonly string[] {
  const program = findTool(name);
  if (program === undefined) throw new Error(`${name} is ${whyMissing(name)}`);
  return name === "bun" ? [program, ...programOf(name).slice(1)] : [program];
}

async function startPeerProgram(sandbox: Sandbox, name: PeerProgramName, keptMessages: number): Promise<StartedTarget> {
  const folder = sandbox.makeFolder();
  // Centrifugo tells the format from the ending; the others take any name.
  const configFile = join(folder, "config.json");
  const port = await freePort();
  const command = peerPrograms[name].command(configFile);
  if (command === undefined) throw new Error(`${name} is ${whyMissing(name)}`);
  writeFileSync(configFile, peerPrograms[name].config({ port, folder, user: userInfo().username, keptMessages }));
  const child = sandbox.spawn("server", command);
  return await onceListening(
    sandbox,
    child,
    () => portTakenBy(child, port),
    () => sandbox.removeFolder(folder),
  );
}

/**
 * Wait until something listens on the port that the child was told to take.
 *
 * @throws Error: the child ended, or did not listen in time.
 */
async function portTakenBy(child: RunningChild, port: number): Promise<number> {
  // A pipe that nobody reads would stop it once it is full.
  child.process.stdout?.resume();
  const deadlineUs = nowUs() + startTimeoutMs * 1000;
  while (!(await accepts(port))) {
    const hasEnded = child.process.exitCode !== null || child.process.signalCode !== null;
    if (hasEnded || nowUs() > deadlineUs)
      throw new Error(`${child.process.spawnargs.at(-1)} does not listen: ${child.lastWords()}`);
    await sleep(20);
  }
  return port;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

async function onceListening(
  sandbox: Sandbox,
  child: RunningChild,
  listening: () => Promise<number>,
  tidyUp?: () => void,
): Promise<StartedTarget> {
  async function stop(): Promise<void> {
    await sandbox.kill(child);
    tidyUp?.();
  }
  try {
    const port = await listening();
    return { pid: child.pid, port, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
