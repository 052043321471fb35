/** The thread of a `Pacer`. */
import { parentPort } from "node:worker_threads";
import { machineNowUs } from "./clock.js";
import type { Beat } from "./pacer.js";

/** Nobody wakes it: it is slept on until its time is over. */
const sleeper = new Int32Array(new SharedArrayBuffer(4));

parentPort?.on("message", ({ startUs, intervalUs, count }: Beat) => {
  for (let tick = 0; tick < count; tick += 1) {
    const waitMs = (startUs + tick * intervalUs - machineNowUs()) / 1000;
    if (waitMs > 0) Atomics.wait(sleeper, 0, 0, waitMs);
    parentPort?.postMessage(tick);
  }
});
