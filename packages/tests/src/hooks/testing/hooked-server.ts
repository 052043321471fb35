import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { Hooks } from "@confab/server";
import { type RunningServer, type ServerConfig, startServer } from "@confab/server/testing/start-server";
import type { HookForm } from "./forms.js";

export interface HookedServer extends RunningServer {
  /** What was logged, one line each. */
  readonly lines: readonly string[];
}

/** A server in this process whose hooks are called in a form. It ends with the test. */
export async function hookedServer(
  t: TestContext,
  form: HookForm,
  hooks: Hooks,
  config: Partial<ServerConfig> = {},
): Promise<HookedServer> {
  const folder = mkdtempSync(join(tmpdir(), "confab-test-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const served = await form.serve(hooks);
  t.after(() => served.close());
  const lines: string[] = [];
  const line = (facts: object, message: string) =>
    void lines.push(`${message} ${JSON.stringify(facts)} ${String((facts as { err?: unknown }).err ?? "")}`);
  const server = await startServer({
    host: "127.0.0.1",
    port: 0,
    engine: { kind: "embedded", dataDir: folder, durability: "os" },
    limits: { maxSignalsPerSecond: 1_000 },
    logger: { info: line, warn: line, error: line },
    hooks: served.hooks,
    ...config,
  });
  t.after(() => server.close());
  return Object.assign(server, { lines });
}
