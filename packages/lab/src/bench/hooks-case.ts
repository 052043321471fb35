import type { BenchCase, CaseRow } from "./bench-case.js";
import { type FanoutSize, runFanoutOf } from "./fanout-case.js";
import type { TargetName } from "./options.js";
import type { Sandbox } from "./sandbox.js";
import type { EmbeddedArgument } from "./targets/embedded.js";
import { programOf, type StartedTarget, startCommand, startTarget } from "./targets/start-target.js";
import { type Job, runCalls, runUnary, storedInConfab, type UnaryOptions } from "./unary-case.js";

/** A server with some hook, or none. Its disk's own time would hide what a hook costs, so none waits for a flush. */
interface HookedServer {
  readonly label: string;
  readonly target: TargetName;
  start(sandbox: Sandbox): Promise<StartedTarget>;
}

const inEachJob: readonly HookedServer[] = [
  {
    label: "Confab before hooks",
    target: "before-hooks",
    start: (sandbox) => startTarget(sandbox, "before-hooks", "os"),
  },
  { label: "Confab, no hook", target: "confab", start: (sandbox) => startTarget(sandbox, "confab", "os") },
  // A function can be a hook only where a program opens the server, so that is also measured without one.
  {
    label: "Confab in a program, no hook",
    target: "confab",
    start: (sandbox) => startEmbedded(sandbox, false),
  },
  {
    label: "Confab in a program, send hook",
    target: "confab",
    start: (sandbox) => startEmbedded(sandbox, true),
  },
];

const overConnect: HookedServer = {
  label: "Confab, send hook over Connect",
  target: "confab",
  start: startWithHookService,
};

/** What hooks cost a send: none, a function that does nothing, a service on this machine. */
export function hooksUnary(options: UnaryOptions): BenchCase {
  const row = ({ label, target, start }: HookedServer): CaseRow => {
    const run: Job["run"] = (sandbox, started, durationMs) => runCalls(sandbox, options, started, durationMs);
    const job: Job = { label, target, start, run, storedBetween: storedInConfab };
    return { label, target, run: (sandbox) => runUnary(sandbox, options, job) };
  };
  return {
    id: "hooks-unary",
    scenario: "hooks-unary",
    title: `Hooks: a message sent by gRPC and acknowledged, ${10 * options.inFlightPerConnection} in flight, durability os`,
    rows: [...inEachJob, overConnect].map(row),
  };
}

/** What hooks cost a fan-out: one call for a message, whatever the number of its readers. */
export function hooksFanout(size: FanoutSize): BenchCase {
  const whole = new Intl.NumberFormat("en");
  return {
    id: "hooks-fanout",
    scenario: "hooks-fanout",
    title: `Hooks: fan-out by Protobuf frames, ${whole.format(size.subscribers)} subscribers × ${size.ratePerSecond} messages/s, durability os`,
    rows: inEachJob.map(({ label, target, start }) => ({
      label,
      target,
      run: (sandbox) => runFanoutOf(sandbox, () => start(sandbox), "ws-proto", size),
    })),
  };
}

async function startEmbedded(sandbox: Sandbox, hasSendHook: boolean): Promise<StartedTarget> {
  const folder = sandbox.makeFolder();
  const argument: EmbeddedArgument = { folder, durability: "os", hasSendHook };
  const command = [...programOf("embedded"), JSON.stringify(argument)];
  return await startCommand(sandbox, command, () => sandbox.removeFolder(folder));
}

/** The service is on the load's core: what it costs is not the server's. */
async function startWithHookService(sandbox: Sandbox): Promise<StartedTarget> {
  const service = await startCommand(sandbox, programOf("hook-service"), undefined, "load");
  try {
    const hook = `send=connect+http://127.0.0.1:${service.port}`;
    const target = await startTarget(sandbox, "confab", "os", ["--hook", hook]);
    const stop = async () => {
      await target.stop();
      await service.stop();
    };
    return { ...target, stop };
  } catch (error) {
    await service.stop();
    throw error;
  }
}
