import { setTimeout as sleep } from "node:timers/promises";
import { rssBytesOf } from "../../bench/process-stats.js";
import type { ClientWire, Reader } from "../client/wire.js";
import { until } from "./waiting.js";

export interface IdleJob {
  readonly port: number;
  readonly serverPid: number;
  readonly room: string;
  readonly connections: number;
}

/** The server's memory at a number of idle readers. */
export interface IdlePoint {
  readonly connections: number;
  readonly rssBytes: number;
}

export interface IdleFigures {
  readonly points: readonly IdlePoint[];
}

/**
 * These come first and are not counted: what a server loads and compiles for them is not the connection's, and what it
 * freed since its start is theirs to fill.
 */
export const uncountedReaders = 500;
const steps = 4;
/** Opened at a time: below every backlog. */
const atOnce = 100;
const settleMs = 150;

/** Open readers of a quiet room, in a few steps, and look at the server's memory after each. */
export async function measureIdle(wire: ClientWire, job: IdleJob): Promise<IdleFigures> {
  const readers: Reader[] = [];
  let ready = 0;
  let failure: string | undefined;
  const options = {
    port: job.port,
    rooms: [job.room],
    history: 0,
    ready: () => {
      ready += 1;
    },
    messages: () => undefined,
    failed: (reason: string) => {
      failure ??= reason;
    },
  };
  const openUpTo = async (count: number): Promise<number> => {
    while (readers.length < count) {
      const batchEnd = Math.min(readers.length + atOnce, count);
      while (readers.length < batchEnd) readers.push(wire.openReader(options));
      await until(
        "the start of all readings",
        () => {
          if (failure !== undefined) throw new Error(failure);
          return ready === readers.length;
        },
        15_000,
      );
    }
    await sleep(settleMs);
    return rssBytesOf(job.serverPid);
  };
  try {
    const points = [{ connections: 0, rssBytes: await openUpTo(uncountedReaders) }];
    for (let step = 1; step <= steps; step += 1) {
      const connections = Math.round((job.connections * step) / steps);
      points.push({ connections, rssBytes: await openUpTo(uncountedReaders + connections) });
    }
    return { points };
  } finally {
    for (const reader of readers) reader.close();
  }
}
