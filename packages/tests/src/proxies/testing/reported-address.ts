import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type RunningServer, type ServerConfig, startServer } from "@confab/server/testing/start-server";
import { type ClientOptions, WebSocket } from "ws";

/** A server in this process that reports the address of a client which makes too many mistakes. */
export interface ReportingServer {
  readonly server: RunningServer;
  /** What it has logged. */
  readonly lines: readonly string[];
  /** The address that it takes this client to have. */
  addressOf(url: string, options?: ClientOptions): Promise<string | undefined>;
}

export async function startReportingServer(
  t: TestContext,
  config: Omit<ServerConfig, "engine">,
): Promise<ReportingServer> {
  const dataDir = mkdtempSync(join(tmpdir(), "confab-test-"));
  const lines: string[] = [];
  const addresses: string[] = [];
  const log = (facts: object, message: string) => {
    lines.push(`${message} ${JSON.stringify(facts)}`);
    if ("remoteAddress" in facts) addresses.push(String(facts.remoteAddress));
  };
  const server = await startServer({
    port: 0,
    engine: { kind: "embedded", dataDir, durability: "os" },
    logger: { info: log, warn: log, error: log },
    limits: { maxErrors: 10 },
    allowAnyone: true,
    ...config,
  });
  t.after(async () => {
    await server.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  return {
    server,
    lines,
    addressOf: async (url, options = {}) => {
      const socket = new WebSocket(`${url.replace("http", "ws")}/chat`, options);
      await once(socket, "open");
      for (let mistake = 0; mistake <= 10; mistake++) socket.send("not JSON");
      await once(socket, "close");
      return addresses.at(-1);
    },
  };
}
