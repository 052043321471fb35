import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startServerProcess } from "../fixture/server-process.js";
import { ServerSupervisor, serverFlags } from "./server-supervisor.js";
import type { SystemBlow, SystemOptions, TorturedSystem } from "./system.js";

/** One server with the embedded engine, on the same data folder all the time. */
export class EmbeddedSystem implements TorturedSystem {
  readonly blows = ["kill", "restart"] as const;
  private dataDir: string | undefined;
  private readonly server: ServerSupervisor;

  constructor({ journal, moved, isInterrupted }: SystemOptions) {
    this.server = new ServerSupervisor({
      name: "server",
      journal,
      isInterrupted,
      moved: (port) => moved(port === undefined ? [] : [port]),
      startProcess: async () => {
        this.dataDir ??= await mkdtemp(join(tmpdir(), "confab-torture-"));
        return startServerProcess({ dataDir: this.dataDir, flags: serverFlags });
      },
    });
  }

  start(): Promise<void> {
    return this.server.start();
  }

  strike(blow: SystemBlow): Promise<void> {
    return this.server.restart(blow === "kill" ? "SIGKILL" : "SIGTERM");
  }

  async end(): Promise<void> {
    await this.server.end("SIGKILL");
    if (this.dataDir !== undefined) await rm(this.dataDir, { recursive: true, force: true });
  }
}
