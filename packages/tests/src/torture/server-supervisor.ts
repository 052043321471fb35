import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import type { Journal } from "./journal.js";

/** How long a server may take to leave after SIGTERM, in milliseconds. */
const drainTimeoutMs = 10_000;

/** The server under torture: killed and started again on the same data. */
export class ServerSupervisor {
  private server: ServerProcess | undefined;
  private isOurDoing = false;

  constructor(
    private readonly options: {
      readonly dataDir: string;
      readonly journal: Journal;
      /** The server listens there now; undefined: it does not. */
      moved(port: number | undefined): void;
      /** Ctrl-C reaches the server too, and it ends: that is no fault of its own. */
      isInterrupted(): boolean;
    },
  ) {}

  get url(): string {
    if (!this.server) throw new Error("the server is not running");
    return this.server.url;
  }

  async start(): Promise<void> {
    const { dataDir, journal, moved, isInterrupted } = this.options;
    // Small bounds, so that readers leave the fan-out early and silent peers are found in seconds.
    const flags = { limits: { maxQueuedBytes: 65_536, pingIntervalMs: 1_000 } };
    const server = await startServerProcess({ dataDir, flags });
    this.server = server;
    this.isOurDoing = false;
    void server.exited.then((code) => {
      if (this.server !== server || this.isOurDoing) return;
      this.server = undefined;
      moved(undefined);
      if (!isInterrupted()) journal.violations.push({ where: "server", what: `it ended by itself with ${code}` });
    });
    moved(server.port);
  }

  /** End the server with a signal and start it again. */
  async restart(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    await this.end(signal);
    await this.start();
  }

  /** Make sure that there is a server. */
  async ensure(): Promise<void> {
    if (!this.server) await this.start();
  }

  async end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const { server } = this;
    if (!server) return;
    const { journal, moved } = this.options;
    this.isOurDoing = true;
    const tooLong = setTimeout(() => {
      journal.violations.push({ where: "server", what: `it was there ${drainTimeoutMs} ms after ${signal}` });
      void server.kill("SIGKILL");
    }, drainTimeoutMs);
    await server.kill(signal);
    clearTimeout(tooLong);
    this.server = undefined;
    moved(undefined);
  }
}
