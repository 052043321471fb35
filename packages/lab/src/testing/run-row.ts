import type { CaseRow } from "../bench/bench-case.js";
import { grpcFanout, webSocketFanout } from "../bench/fanout-case.js";
import type { Figures } from "../bench/figures.js";
import { lowRate } from "../bench/low-rate-case.js";
import { Sandbox } from "../bench/sandbox.js";
import { starting } from "../bench/start-case.js";

/** As small as a fan-out can be, and still have a server, a load and a clock. */
const size = { subscribers: 3, ratePerSecond: 100, warmUpMs: 50, measureMs: 300 };

/** Every server that the bench gives a fan-out to, without the earlier Confab, whose build takes minutes. */
export const fanoutRows: readonly CaseRow[] = [
  ...webSocketFanout("ws-100", size).rows,
  ...grpcFanout("grpc-50", size).rows,
].filter(isNoEarlier);

/** The same for messages that come one at a time. */
export const lowRateRows: readonly CaseRow[] = lowRate({ ...size, readers: size.subscribers }).rows.filter(isNoEarlier);

/** Confab's starts, on folders as small as shows that they are filled. */
export const startRows: readonly CaseRow[] = [
  ...starting("start-messages", { messages: 2_000, rooms: 1 }).rows,
  ...starting("start-rooms", { messages: 500, rooms: 500 }).rows,
].filter(isNoEarlier);

function isNoEarlier({ target }: CaseRow): boolean {
  return target !== "before";
}

/** Give a server its job, and leave nothing behind. @throws Error: it did not start, or did not do the job. */
export async function runRow(row: CaseRow): Promise<Figures> {
  const sandbox = new Sandbox(false);
  try {
    return await row.run(sandbox);
  } finally {
    sandbox.close();
  }
}
