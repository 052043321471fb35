import { readdirSync, readFileSync } from "node:fs";

/**
 * What all threads of a process have used of the processor, in microseconds, from `/proc/PID/task/TID/schedstat`: that
 * counts nanoseconds, where `/proc/PID/stat` counts ticks of 10 ms, too coarse for runs of one second. A thread that ends
 * between two readings takes its time with it; the servers and clients here keep theirs.
 */
export function cpuUsOf(pid: number): number {
  let totalNs = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    try {
      totalNs += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "latin1").split(" ")[0]);
    } catch {
      // The thread ended after the folder was read.
    }
  }
  return totalNs / 1000;
}
