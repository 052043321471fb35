import { cpuTimesBetween, cpuTimesOf, machineBusyUs, totalUs } from "../process-stats.js";
import { nowUs } from "./clock.js";
import { fillRoom } from "./fill.js";
import { HistoryPages, positionAt } from "./history-pages.js";
import { readLog } from "./read-log.js";
import { RedisLog } from "./redis-log.js";
import { createResumeWire } from "./wires/create-resume-wire.js";
import type { ResumeWireName, WireName } from "./wires/wire.js";

/** One reader of everything that a room's log holds. */
export interface HistoryLoad {
  readonly port: number;
  readonly serverPid: number;
  /** How many messages the room is given first. */
  readonly messages: number;
  /**
   * A wire: one reader that is sent everything. `pages`: Confab's GetHistory, and `xrange`: bare Redis; each page is asked
   * for when the last one is there.
   */
  readonly by: ResumeWireName | "pages" | "xrange";
}

export interface HistoryResult {
  /** All that were read in the time. */
  readonly messages: number;
  readonly elapsedUs: number;
  readonly serverCpuUs: number;
  readonly loadCpuUs: number;
  /** What the rest of the machine's programs used meanwhile. */
  readonly othersCpuUs: number;
}

const fillTimeoutMs = 120_000;
const readTimeoutMs = 60_000;
/** The room is read this often before anything counts, so that everything that runs hot is compiled. */
const warmUpReadings = 2;
/** Then it is read until so much time is over: the quickest need some milliseconds, and CPU is counted in tens of them. */
const measuredMs = 1_000;

interface FilledLog {
  /** Read all of it. `isChecked`: look at each message. @throws Error: it was not all there. */
  read(isChecked: boolean): Promise<void>;
  close(): void;
}

/** Fill the room and read it. @throws Error: a connection was refused or lost, or messages were missing. */
export async function measureHistory(load: HistoryLoad): Promise<HistoryResult> {
  const log = await fillLog(load);
  try {
    for (let reading = 0; reading < warmUpReadings; reading += 1) await log.read(reading === 0);
    const before = snapshot(load.serverPid);
    let readings = 0;
    for (; readings === 0 || nowUs() - before.atUs < measuredMs * 1000; readings += 1) await log.read(false);
    const after = snapshot(load.serverPid);
    const serverCpuUs = totalUs(cpuTimesBetween(before.server, after.server));
    const loadCpuUs = totalUs(cpuTimesBetween(before.load, after.load));
    return {
      messages: readings * load.messages,
      elapsedUs: after.atUs - before.atUs,
      serverCpuUs,
      loadCpuUs,
      othersCpuUs: after.machineBusyUs - before.machineBusyUs - serverCpuUs - loadCpuUs,
    };
  } finally {
    log.close();
  }
}

async function fillLog({ port, messages, by }: HistoryLoad): Promise<FilledLog> {
  if (by === "xrange") return await RedisLog.filled(port, messages);
  await fillRoom(port, { messages, timeoutMs: fillTimeoutMs, wire: fillingWire(by) });
  return by === "pages" ? confabPages(port, messages) : await wholeLog(by, port, messages);
}

/** How the room is filled. What Confab is asked to read it was sent over WebSocket. */
function fillingWire(by: Exclude<HistoryLoad["by"], "xrange">): WireName {
  return by === "pages" || by === "grpc-confab" || by === "ws-proto" ? "ws-plain" : by;
}

async function wholeLog(by: ResumeWireName, port: number, messages: number): Promise<FilledLog> {
  const wire = createResumeWire(by);
  await wire.prepare?.(port, 1);
  return {
    read: (isChecked) => readLog(wire, { port, messages, timeoutMs: readTimeoutMs, isChecked }),
    close: () => undefined,
  };
}

function confabPages(port: number, messages: number): FilledLog {
  const pages = new HistoryPages(port);
  return {
    async read() {
      const newest = await pages.newest();
      for (let count = 0; count < messages; ) {
        const found = await pages.countAfter(positionAt(newest, count));
        if (found === 0) throw new Error(`the page after message ${count} of ${messages} is empty`);
        count += found;
      }
    },
    close: () => pages.close(),
  };
}

function snapshot(serverPid: number) {
  return {
    atUs: nowUs(),
    server: cpuTimesOf(serverPid),
    load: cpuTimesOf(process.pid),
    machineBusyUs: machineBusyUs(),
  };
}
