import type { ServerFlags, ServerProcess } from "../fixture/server-process.js";
import type { Journal } from "./journal.js";

/** How long a server may take to leave after SIGTERM, in milliseconds. */
const drainTimeoutMs = 10_000;

/** What every server here is started with: small bounds, so that readers leave the fan-out early and silent peers are found in seconds. */
export const serverFlags: ServerFlags = { limits: { maxQueuedBytes: 65_536, pingIntervalMs: 1_000 } };

/** A server under torture: killed and started again on the same data, also when it ends by itself. */
export class ServerSupervisor {
  private server: ServerProcess | undefined;
  private isOurDoing = false;
  /** One thing after the other: two servers cannot have one data folder. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly options: {
      readonly name: string;
      readonly journal: Journal;
      startProcess(): Promise<ServerProcess>;
      /** The server listens there now; undefined: it does not. */
      moved(port: number | undefined): void;
      /** Ctrl-C reaches the server too, and it ends: that is no fault of its own. */
      isInterrupted(): boolean;
    },
  ) {}

  /** @throws Error: it cannot be started; the message is what it printed. */
  start(): Promise<void> {
    return this.inTurn(() => this.startNow());
  }

  /** End the server with a signal and start it again. */
  restart(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    return this.inTurn(async () => {
      await this.endNow(signal);
      await this.startNow();
    });
  }

  /** End the server for good. */
  end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    return this.inTurn(() => this.endNow(signal));
  }

  private inTurn(action: () => Promise<void>): Promise<void> {
    const done = this.last.then(action);
    // Whoever asked hears of it.
    this.last = done.catch(() => undefined);
    return done;
  }

  private async startNow(): Promise<void> {
    if (this.server) return;
    const { startProcess, moved } = this.options;
    const server = await startProcess();
    this.server = server;
    this.isOurDoing = false;
    void server.exited.then((code) => {
      if (!this.isOurDoing) this.endedByItself(code);
    });
    moved(server.port);
  }

  private endedByItself(code: number | null): void {
    const { name, journal, moved, isInterrupted } = this.options;
    this.server = undefined;
    moved(undefined);
    if (!isInterrupted()) journal.violations.push({ where: name, what: `it ended by itself with ${code}` });
    this.start().catch((error: unknown) => {
      journal.violations.push({ where: name, what: `it did not start again: ${String(error)}` });
    });
  }

  private async endNow(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const { server } = this;
    if (!server) return;
    const { name, journal, moved } = this.options;
    this.isOurDoing = true;
    const tooLong = setTimeout(() => {
      journal.violations.push({ where: name, what: `it was there ${drainTimeoutMs} ms after ${signal}` });
      void server.kill("SIGKILL");
    }, drainTimeoutMs);
    await server.kill(signal);
    clearTimeout(tooLong);
    this.server = undefined;
    moved(undefined);
  }
}
