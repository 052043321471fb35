import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { cpuUsOf } from "../cpu-clock.js";
import { machineBusyUs } from "../process-stats.js";
import { percentile } from "../statistics.js";
import { chatText, deliveredProtobuf } from "./chat-text.js";
import { nowUs } from "./clock.js";
import type { LowRateResult } from "./low-rate.js";
import { keepSchedule } from "./schedule.js";

/** What a message costs at least that is on disk before it is acknowledged: one `write` and one `fdatasync`. */
export interface FlushLoad {
  /** On the disk where the servers' data folders are. */
  readonly folder: string;
  readonly ratePerSecond: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** The file has this length from the beginning, so that a flush writes data and no new length. */
const fileBytes = 4 * 1024 * 1024;

/** Run that load; the result is as `measureLowRate` has it. @throws the system's error */
export async function measureFlush(load: FlushLoad): Promise<Omit<LowRateResult, "loadCpuUs">> {
  const message = Buffer.from(deliveredProtobuf(chatText(0, 0)));
  const latenciesUs: number[] = [];
  const file = openSync(join(load.folder, "flushed"), "wx");
  let at = 0;
  const flushOne = (): void => {
    const startUs = nowUs();
    writeSync(file, message, 0, message.length, at);
    fdatasyncSync(file);
    latenciesUs.push(nowUs() - startUs);
    at = at + 2 * message.length > fileBytes ? 0 : at + message.length;
  };
  const flush = async (durationMs: number): Promise<void> => {
    await keepSchedule({ ratePerSecond: load.ratePerSecond, durationMs }, (scheduledUs) => {
      for (const _ of scheduledUs) flushOne();
    });
  };
  try {
    writeSync(file, Buffer.alloc(fileBytes));
    fdatasyncSync(file);
    await flush(load.warmUpMs);
    latenciesUs.length = 0;
    const before = { atUs: nowUs(), cpuUs: cpuUsOf(process.pid), machineBusyUs: machineBusyUs() };
    await flush(load.measureMs);
    const serverCpuUs = cpuUsOf(process.pid) - before.cpuUs;
    const sorted = Float64Array.from(latenciesUs).sort();
    return {
      messages: sorted.length,
      serverCpuUs,
      othersCpuUs: machineBusyUs() - before.machineBusyUs - serverCpuUs,
      elapsedUs: nowUs() - before.atUs,
      p50Us: percentile(sorted, 0.5),
      p99Us: percentile(sorted, 0.99),
    };
  } finally {
    closeSync(file);
  }
}
