/** The load program: `node main.js '<LoadRequest as JSON>'` prints the result as one line of JSON. */
import { runProgram } from "../program.js";
import { measureAppends } from "./appends.js";
import { fillAttacked, measureAttack } from "./attack.js";
import { measureFanout } from "./fanout.js";
import { fillLog } from "./fill-log.js";
import { measureFlush } from "./flush.js";
import { measureFolded } from "./folded.js";
import { measureHighestRate } from "./highest-rate.js";
import { measureHistory } from "./history.js";
import { measureIdle } from "./idle.js";
import { measureLiveReaders } from "./live-readers.js";
import type { LoadRequest } from "./load-request.js";
import { measureLowRate } from "./low-rate.js";
import { measurePresence } from "./presence.js";
import { measureRequests } from "./requests.js";
import { measureResume } from "./resume.js";
import { measureStalled } from "./stalled.js";
import { measureUnary } from "./unary.js";
import { measureXadd } from "./xadd.js";

await runProgram(async (argument) => {
  // Our own parent wrote it, in this same build.
  const request = JSON.parse(argument) as LoadRequest;
  const result = await resultOf(request);
  process.stdout.write(`${JSON.stringify(result)}\n`);
});

async function resultOf(request: LoadRequest): Promise<unknown> {
  switch (request.kind) {
    case "attack":
      return await measureAttack(request.load, toldEnough());
    case "attacked":
      return await fillAttacked(request.load);
    case "fanout":
      return await measureFanout(request.load);
    case "fill-log":
      return await fillLog(request.load);
    case "flush":
      return await measureFlush(request.load);
    case "folded":
      return await measureFolded(request.load);
    case "highest-rate":
      return await measureHighestRate(request.load);
    case "history":
      return await measureHistory(request.load);
    case "idle":
      return await measureIdle(request.load);
    case "live-readers":
      return await measureLiveReaders(request.load, toldEnough());
    case "low-rate":
      return await measureLowRate(request.load);
    case "presence":
      return await measurePresence(request.load);
    case "requests":
      return await measureRequests(request.load);
    case "resume":
      return await measureResume(request.load);
    case "stalled":
      return await measureStalled(request.load);
    case "unary":
      return await measureUnary(request.load);
    case "appends":
      return await measureAppends(request.load);
    case "xadd":
      return await measureXadd(request.load);
    default: {
      const unknown: never = request;
      throw new Error(`no such load: ${JSON.stringify(unknown)}`);
    }
  }
}

/** Whether the bench has written to this process, which it does when a load may end before its time is over. */
function toldEnough(): () => boolean {
  let isTold = false;
  process.stdin.once("data", () => {
    isTold = true;
  });
  return () => isTold;
}
