import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { portPrintedBy } from "../bench/child-output.js";
import { describeMachine } from "../bench/machine.js";
import { Sandbox } from "../bench/sandbox.js";
import { CannotMeasureError, completeEndingOf, withWords } from "./cannot-measure.js";
import { labCertificate, labKey } from "./certificate.js";
import { ClientProcess, ClientStartError } from "./client-process.js";
import type { ContenderFindings, Findings } from "./findings.js";
import type { TaskName, Tasks } from "./measure/tasks.js";
import { readTlsFacts } from "./measure/tls-facts.js";
import { type CompareOptions, type Plan, planFor } from "./options.js";
import { failureTexts } from "./report/failures.js";
import { ServerWatch } from "./server-ended.js";
import { orderOfRound } from "./statistics/order.js";
import { transports } from "./transports.js";
import { rateWarnings, setUpWarnings } from "./warnings.js";

export interface CompareDeps {
  /** The command that serves, without its arguments: `node …/cli/dist/main.js serve`. */
  readonly serveCommand: readonly string[];
  readonly progress: (line: string) => void;
  /** Ends the comparison; what was measured until then is returned. */
  readonly signal: AbortSignal;
}

const serverStartMs = 15_000;
/** What any task may take beside the time that it is asked to measure. */
const taskOverheadMs = 40_000;

/**
 * Measure all contenders: a real server, and a process with clients for each contender. Never rejects for what a contender
 * does: that is among its findings. However it ends, no process and no file of it is left.
 *
 * Also when a server ends, or a later one does not start: then what was measured is returned, not complete, with the reason.
 *
 * @throws CannotMeasureError: before anything was measured. Error: the machine's facts are not to be had.
 */
export async function runCompare(options: CompareOptions, deps: CompareDeps): Promise<Findings> {
  const startedMs = performance.now();
  const machine = describeMachine();
  const sandbox = new Sandbox(machine.pinned);
  const findings: Findings = {
    machine,
    startedAt: new Date().toISOString(),
    tookSeconds: 0,
    isComplete: false,
    warnings: setUpWarnings(machine),
    contenders: options.contenders.map((contender) => ({
      contender,
      newcomersUs: [],
      rounds: [],
      fanouts: [],
      capacity: [],
      idle: [],
      failures: [],
    })),
  };
  const close = (): void => sandbox.close();
  process.once("exit", close);
  // Killed rather than asked: whoever waits for their answers hears at once that there will be none.
  deps.signal.addEventListener("abort", close, { once: true });
  try {
    await new Comparison(options, deps, sandbox, findings).run();
    findings.isComplete = !deps.signal.aborted;
  } catch (error) {
    if (!deps.signal.aborted) {
      const hasMeasured = findings.contenders.some(({ bytes }) => bytes !== undefined);
      if (!(error instanceof CannotMeasureError) || !hasMeasured) throw error;
      deps.progress(error.message);
      findings.brokenBy = error.message;
    }
  } finally {
    deps.signal.removeEventListener("abort", close);
    process.removeListener("exit", close);
    close();
  }
  findings.tookSeconds = (performance.now() - startedMs) / 1000;
  findings.warnings.push(...rateWarnings(findings, options.subscribers));
  return findings;
}

function failuresIn({ contenders }: Findings) {
  return contenders.map(({ contender: { label }, failures }) => ({ label, failures }));
}

interface Server {
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

interface Entry {
  readonly found: ContenderFindings;
  readonly client: ClientProcess;
  /** All rooms of one contender begin so; as long for all, since names travel. */
  readonly room: string;
}

class Comparison {
  readonly #plan: Plan;
  /** Those whose clients run; one whose clients do not start takes no further part. */
  #entries: readonly Entry[];
  readonly #watch = new ServerWatch();
  #tags = 0;

  constructor(
    private readonly options: CompareOptions,
    private readonly deps: CompareDeps,
    private readonly sandbox: Sandbox,
    private readonly findings: Findings,
  ) {
    this.#plan = planFor(options);
    const { sample, isTls } = options;
    const ca = isTls ? labCertificate : undefined;
    this.#entries = findings.contenders.map((found, index) => ({
      found,
      client: new ClientProcess(sandbox, { contender: found.contender, sample, ca }),
      room: `lab-${String(index).padStart(2, "0")}`,
    }));
  }

  async run(): Promise<void> {
    this.deps.progress("starting a server, and a process of clients for each transport");
    const server = await this.#startServer("all that is measured but memory");
    if (this.options.isTls) this.findings.tls = await readTlsFacts(server.port, labCertificate);
    await this.#once(server);
    await this.#rounds(server);
    await this.#fanouts(server);
    await this.#capacity(server);
    await server.stop();
    await this.#memory();
  }

  /** What is counted or tried once. */
  async #once({ port }: Server): Promise<void> {
    for (const entry of this.#entries) {
      const { found, room } = entry;
      const { transport, label } = found.contender;
      this.deps.progress(`${label}: bytes, round trips, proxies, a stalled connection`);
      const offersCompression = transports[transport].compression === "requests";
      const bytes = await this.#task(entry, "bytes", { port, room, tag: this.#tag(), offersCompression }, 0);
      if (bytes !== undefined) found.bytes = bytes;
      const first = await this.#task(entry, "firstMessage", { port, room }, 0);
      if (first !== undefined) found.firstMessage = first;
      const facts = await this.#task(entry, "facts", { transport, port, room, tag: this.#tag() }, 0);
      if (facts !== undefined) found.facts = facts;
      const stall = await this.#task(entry, "stall", { port, room, tag: this.#tag() }, 0);
      if (stall !== undefined) found.stall = stall;
    }
    const [first] = this.#entries;
    if (first === undefined) throw new CannotMeasureError(failureTexts(failuresIn(this.findings)).join("; "));
    this.deps.progress("encoding and decoding the message");
    const serialisation = await this.#task(first, "serialisation", this.#plan.serialisation, 0);
    if (serialisation !== undefined) this.findings.serialisation = serialisation;
    const emptyPollBytes = await this.#task(first, "emptyPoll", { port, room: "lab-empty" }, 0);
    if (emptyPollBytes !== undefined) this.findings.emptyPollBytes = emptyPollBytes;
  }

  /** Every contender in every round, in another order each time; the round before the first warms everybody up. */
  async #rounds(server: Server): Promise<void> {
    const { rounds, subscribers } = this.options;
    for (let round = 0; round <= rounds; round += 1) {
      this.deps.progress(round === 0 ? "warming up" : `latency and CPU, round ${round} of ${rounds}`);
      for (const entry of this.#turns(round)) {
        const figures = await this.#fanout(server, entry, subscribers, this.#plan.measureMs);
        if (figures !== undefined && round > 0) entry.found.rounds.push(figures);
        const newcomerUs = await this.#task(entry, "newcomer", { port: server.port, room: entry.room }, 0);
        if (newcomerUs !== undefined && round > 0) entry.found.newcomersUs.push(newcomerUs);
      }
    }
  }

  async #fanouts(server: Server): Promise<void> {
    const { fanouts, fanoutRounds, fanoutMs } = this.#plan;
    for (const subscribers of fanouts.filter((count) => count !== this.options.subscribers)) {
      this.deps.progress(`CPU with ${subscribers} reader${subscribers === 1 ? "" : "s"}`);
      const runs = new Map(this.#entries.map((entry) => [entry, { subscribers, rounds: [] }]));
      for (const [entry, run] of runs) entry.found.fanouts.push(run);
      for (let round = 0; round < fanoutRounds; round += 1) {
        for (const entry of this.#turns(round)) {
          const figures = await this.#fanout(server, entry, subscribers, fanoutMs);
          if (figures !== undefined) entry.found.fanouts.at(-1)?.rounds.push(figures);
        }
      }
    }
  }

  #fanout(server: Server, entry: Entry, subscribers: number, measureMs: number) {
    const { warmUpMs } = this.#plan;
    const job = {
      port: server.port,
      serverPid: server.pid,
      room: entry.room,
      tag: this.#tag(),
      subscribers,
      ratePerSecond: this.options.ratePerSecond,
      warmUpMs,
      measureMs,
    };
    return this.#task(entry, "fanout", job, warmUpMs + measureMs);
  }

  async #capacity(server: Server): Promise<void> {
    const { capacityRounds, maxP99Ms } = this.#plan;
    for (let round = 1; round <= capacityRounds; round += 1) {
      for (const entry of this.#turns(round)) {
        const { label } = entry.found.contender;
        this.deps.progress(`${label}: the highest rate with p99 below ${maxP99Ms} ms, ${round} of ${capacityRounds}`);
        await this.#highestRate(server, entry);
      }
    }
  }

  async #highestRate(server: Server, entry: Entry): Promise<void> {
    const { capacityStepMs, capacityBudgetMs, maxP99Ms } = this.#plan;
    // The rate that was asked for is known to be kept, or not.
    const hasKeptIt = entry.found.rounds.some((round) => round.keptRate);
    const job = {
      port: server.port,
      serverPid: server.pid,
      room: entry.room,
      tag: this.#tag(),
      subscribers: this.options.subscribers,
      ratePerSecond: Math.max(1, Math.round(this.options.ratePerSecond * (hasKeptIt ? 4 : 0.5))),
      warmUpMs: 50,
      measureMs: capacityStepMs,
      maxP99Ms,
      budgetMs: capacityBudgetMs,
    };
    const capacity = await this.#task(entry, "capacity", job, capacityBudgetMs + capacityStepMs);
    if (capacity !== undefined) entry.found.capacity.push(capacity);
  }

  /** On a server of its own for each: memory that one transport's connections gave back would be taken by the next. */
  async #memory(): Promise<void> {
    const { idleRounds, idleConnections } = this.#plan;
    for (let round = 0; round < idleRounds; round += 1) {
      for (const entry of this.#turns(round)) {
        const which = idleRounds === 1 ? "" : `, ${round + 1} of ${idleRounds}`;
        this.deps.progress(`${entry.found.contender.label}: memory of idle connections${which}`);
        const server = await this.#startServer(`the memory of ${entry.found.contender.label}`);
        const { port, pid } = server;
        const job = { port, serverPid: pid, room: entry.room, connections: idleConnections };
        const idle = await this.#task(entry, "idle", job, 0);
        if (idle !== undefined) entry.found.idle.push(idle);
        await server.stop();
      }
    }
  }

  #turns(round: number): readonly Entry[] {
    return orderOfRound(this.#entries, round, this.options.seed);
  }

  /**
   * @returns `undefined` when the task failed, which is noted, or when the clients of that contender do not run.
   * @throws CannotMeasureError: a server ended.  Error: the comparison was interrupted.
   */
  async #task<Name extends TaskName>(
    entry: Entry,
    name: Name,
    job: Tasks[Name]["job"],
    measuredMs: number,
  ): Promise<Tasks[Name]["result"] | undefined> {
    this.deps.signal.throwIfAborted();
    if (!this.#entries.includes(entry)) return undefined;
    const { found, client } = entry;
    try {
      return await this.#watch.orEnd(client.run(name, job, measuredMs + taskOverheadMs));
    } catch (error) {
      this.deps.signal.throwIfAborted();
      if (error instanceof CannotMeasureError) throw error;
      if (error instanceof ClientStartError) this.#entries = this.#entries.filter((each) => each !== entry);
      const reason = error instanceof Error ? error.message : String(error);
      found.failures.push({ part: error instanceof ClientStartError ? "all" : name, reason });
      this.deps.progress(`${found.contender.label}: ${name} failed: ${reason}`);
      return undefined;
    }
  }

  #tag(): string {
    this.#tags += 1;
    return `t${String(this.#tags).padStart(4, "0")}`;
  }

  /** @param part what is measured with it, for when it does not start. */
  async #startServer(part: string): Promise<Server> {
    const folder = this.sandbox.makeFolder();
    const types: string[] = [];
    const { sample, isTls } = this.options;
    const tls: string[] = [];
    if (isTls) {
      const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
      writeFileSync(cert, labCertificate);
      writeFileSync(key, labKey);
      tls.push("--tls-cert", cert, "--tls-key", key);
    }
    if (sample.kind === "typed") {
      const file = join(folder, "types.binpb");
      writeFileSync(file, Buffer.from(sample.descriptorSetBase64, "base64"));
      types.push("--types", file);
    }
    // A flush to disk takes as long on every transport, and longer than what they differ by.
    const flags = ["--port", "0", "--data", join(folder, "log"), "--durability", "os", ...types, ...tls];
    const child = this.sandbox.spawn("server", [...this.deps.serveCommand, ...flags]);
    const port = await portPrintedBy(child, serverStartMs).catch(async (cause: unknown) => {
      const silence = `it did not say within ${serverStartMs} ms where it listens`;
      const how = (await completeEndingOf(child)) ?? withWords(silence, child);
      throw new CannotMeasureError(`the server for ${part} did not start: ${how}`, { cause });
    });
    const unwatch = this.#watch.watch(child);
    const stop = async (): Promise<void> => {
      unwatch();
      await this.sandbox.kill(child);
      this.sandbox.removeFolder(folder);
    };
    return { port, pid: child.pid, stop };
  }
}
