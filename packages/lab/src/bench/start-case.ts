import { get } from "node:http";
import { freePort } from "../cluster/redis-process.js";
import type { BenchCase, CaseId, CaseRow } from "./bench-case.js";
import type { Figures } from "./figures.js";
import { type Ending, FilledFolders, type FolderSize } from "./filled-folders.js";
import { nowUs, sleep } from "./load/clock.js";
import { filledRoom } from "./load/fill-log.js";
import { cpuTimesOf, endedChildrenCpuTimesOf, machineBusyUs, totalUs } from "./process-stats.js";
import type { RunningChild, Sandbox } from "./sandbox.js";
import { type ServerVersion, serverCommand } from "./targets/start-target.js";

/** How long a server may take until it is ready. */
const startTimeoutMs = 120_000;
/** How often it is asked; a start is timed no finer. */
const askEveryMs = 2;

const endings: readonly (readonly [ending: Ending, text: string])[] = [
  ["closed", "closed in order"],
  ["killed", "after kill -9"],
];

/** From the start of the process until it answers on its port, with a log that other starts have filled. */
export function starting(id: Extract<CaseId, `start-${string}`>, size: FolderSize): BenchCase {
  const folders = new FilledFolders(size);
  const whole = new Intl.NumberFormat("en");
  const what =
    size.rooms === 1
      ? `${whole.format(size.messages)} messages in one room`
      : `${whole.format(size.rooms)} rooms of one message`;
  return {
    id,
    scenario: "start",
    title: `Start with ${what}: from spawn until /readyz answers`,
    rows: (["before", "confab"] as const).flatMap((version) =>
      endings.map(
        ([ending, text]): CaseRow => ({
          label: version === "before" ? `Confab before, ${text}` : `Confab, ${text}`,
          target: version,
          run: async (sandbox) => {
            const folder = await folders.copyOf(sandbox, version, ending);
            try {
              return await measureStart(sandbox, version, folder, size);
            } finally {
              sandbox.removeFolder(folder);
            }
          },
        }),
      ),
    ),
  };
}

async function measureStart(
  sandbox: Sandbox,
  version: ServerVersion,
  folder: string,
  size: FolderSize,
): Promise<Figures> {
  const port = await freePort();
  const command = serverCommand(sandbox, version, { folder, durability: "fsync", port });
  const before = { atUs: nowUs(), machineBusyUs: machineBusyUs(), ownCpu: process.cpuUsage() };
  const child = sandbox.spawn("server", command);
  try {
    await ready(child, port);
    const startUs = nowUs() - before.atUs;
    const serverUs = totalUs(cpuTimesOf(child.pid)) + totalUs(endedChildrenCpuTimesOf(child.pid));
    const own = process.cpuUsage(before.ownCpu);
    const othersUs = machineBusyUs() - before.machineBusyUs - serverUs - own.user - own.system;
    await checkNewest(port, size);
    return { startUs, serverCoreShare: serverUs / startUs, othersCoreShare: Math.max(othersUs, 0) / startUs };
  } finally {
    await sandbox.kill(child);
  }
}

/** @throws Error: the server ended, or was not ready in time. */
async function ready(child: RunningChild, port: number): Promise<void> {
  // A pipe that is not read would stop it once it is full.
  child.process.stdout?.resume();
  const deadlineUs = nowUs() + startTimeoutMs * 1000;
  while ((await ask(port, "/readyz")) === undefined) {
    if (child.process.exitCode !== null || child.process.signalCode !== null)
      throw new Error(`the server ended before it was ready: ${child.lastWords()}`);
    if (nowUs() > deadlineUs) throw new Error(`the server was not ready within ${startTimeoutMs} ms`);
    await sleep(askEveryMs);
  }
}

/** A quick start that lost what it was to start with would be none. @throws Error: the last room lacks messages. */
async function checkNewest(port: number, { messages, rooms }: FolderSize): Promise<void> {
  const answer = await ask(port, `/v1/rooms/${filledRoom(rooms - 1)}/messages?limit=1`);
  const { newest } = JSON.parse(answer ?? "{}") as { newest?: { offset?: string } };
  if (Number(newest?.offset) !== messages / rooms)
    throw new Error(`the log's newest offset is ${newest?.offset} where ${messages / rooms} was expected`);
}

/** The body of the answer; undefined: nothing listens, or the answer is not 200. */
function ask(port: number, path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const request = get({ host: "127.0.0.1", port, path, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      response.once("end", () => resolve(response.statusCode === 200 ? body : undefined));
      response.once("error", () => resolve(undefined));
    });
    request.once("error", () => resolve(undefined));
  });
}
