import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Backend } from "./balancer.js";

export interface NodeProcessOptions {
  readonly name: string;
  /** Program and arguments. It prints `http://127.0.0.1:port` once it listens, and ends on SIGTERM. */
  readonly command: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly say: (line: string) => void;
}

/** A node that dies young is started again after this long, so that one that cannot start does not keep a core busy. */
const restartDelayMs = 1_000;

/** Longer than the server's own drain. */
const stopTimeoutMs = 15_000;

/** One node, started again whenever it ends unasked. */
export class NodeProcess implements Backend {
  port: number | undefined;
  private child: ChildProcess | undefined;
  private restart: NodeJS.Timeout | undefined;
  private isStopping = false;

  constructor(private readonly options: NodeProcessOptions) {}

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Resolves once it listens. @throws Error: it ended before, with what it said. */
  async start(): Promise<void> {
    const [program = "", ...args] = this.options.command;
    // A group of its own: Ctrl-C on the terminal reaches this program alone, which then ends the nodes in order.
    const child = spawn(program, args, {
      env: this.options.env,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    this.child = child;
    let lastWords = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      lastWords = (lastWords + text).slice(-2_000);
      for (const line of text.trimEnd().split("\n")) this.options.say(`${this.options.name}: ${line}`);
    });
    const { promise: listening, resolve, reject } = withResolvers();
    createInterface(child.stdout).on("line", (line) => {
      const port = /http:\/\/127\.0\.0\.1:([0-9]+)/.exec(line)?.[1];
      if (port === undefined || this.port !== undefined) return;
      this.port = Number(port);
      resolve();
    });
    child.once("error", reject);
    child.once("close", (code, signal) => {
      const hadStarted = this.port !== undefined;
      this.port = undefined;
      this.child = undefined;
      reject(new Error(`${this.options.name} ended with ${signal ?? code}: ${lastWords.trim()}`));
      if (hadStarted && !this.isStopping) this.comeBack(`ended with ${signal ?? code}`);
    });
    await listening;
  }

  /** End it in order. May be called twice. */
  async stop(): Promise<void> {
    this.isStopping = true;
    clearTimeout(this.restart);
    const { child } = this;
    if (child === undefined) return;
    const ended = once(child, "close");
    child.kill("SIGTERM");
    const giveUp = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
    await ended;
    clearTimeout(giveUp);
  }

  private comeBack(why: string): void {
    this.options.say(`${this.options.name} ${why}; it is started again`);
    this.restart = setTimeout(() => {
      this.start().then(
        () => this.options.say(`${this.options.name} is back, process ${this.pid}`),
        (error: Error) => {
          if (!this.isStopping) this.comeBack(error.message);
        },
      );
    }, restartDelayMs);
  }
}

function withResolvers() {
  let resolve: () => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
