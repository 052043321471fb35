import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect as connectHttp2 } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { connect } from "@confab/client/node";
import { type RunningServer, startServer } from "@confab/server";
import type { Attack, AttackResult, ProbeResult } from "../attack.js";

/** A file of the browser app that is as large as such files are. */
export const assetPath = "/assets/app.js";

/** A server with enough in it that requests are expensive, an attacker and a client that behaves, in processes beside it. */
export class AttackedServer {
  private constructor(
    readonly server: RunningServer,
    private readonly attacker: ChildProcess,
    private readonly probe: ChildProcess,
    private readonly release: () => Promise<void>,
  ) {}

  static async start(): Promise<AttackedServer> {
    const folder = await mkdtemp(join(tmpdir(), "confab-fairness-"));
    const webRoot = join(folder, "web");
    await mkdir(join(webRoot, "assets"), { recursive: true });
    await writeFile(join(webRoot, assetPath), "x".repeat(200_000));
    const engine = { kind: "embedded", dataDir: join(folder, "data"), durability: "os" } as const;
    const server = await startServer({ port: 0, engine, webRoot });
    const members = connectHttp2(server.url);
    const attacker = processOf(new URL("../attacker.js", import.meta.url));
    const probe = processOf(new URL("../probe.js", import.meta.url));
    const system = new AttackedServer(server, attacker, probe, async () => {
      for (const child of [attacker, probe]) {
        child.kill();
        if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      }
      members.destroy();
      await server.close();
      await rm(folder, { recursive: true });
    });
    await fill(server);
    for (let i = 0; i < 500; i++) members.request({ ":path": `/v1/rooms/crowd/stream?name=member-${i}` }).resume();
    members.ping(() => probe.send({ port: server.port }));
    // Until it has had its first answers.
    while ((await system.others()).messagesMs.length === 0) await sleep(20);
    return system;
  }

  private async adminHeaders(): Promise<Attack["headers"]> {
    const token = await readFile(this.server.adminTokenFile ?? "", "utf8");
    return { authorization: `Bearer ${token.trim()}` };
  }

  /** @throws Error: the attack could not be made. */
  async attack(order: Attack): Promise<AttackResult> {
    const headers = { ...order.headers, ...(isAdministration(order) && (await this.adminHeaders())) };
    this.attacker.send({ ...order, headers, port: this.server.port });
    const result = await answerOf(this.attacker);
    if ("failure" in result) throw new Error(`${order.name}: ${result.failure}`);
    return result as AttackResult;
  }

  /** What the client that behaves has seen since this was called last. */
  async others(): Promise<ProbeResult> {
    this.probe.send("report");
    return (await answerOf(this.probe)) as ProbeResult;
  }

  close(): Promise<void> {
    return this.release();
  }
}

function processOf(program: URL): ChildProcess {
  return fork(fileURLToPath(program), { serialization: "advanced" });
}

async function answerOf(child: ChildProcess): Promise<object> {
  const [answer] = (await once(child, "message", { signal: AbortSignal.timeout(60_000) })) as [object];
  return answer;
}

/** A room with 1,000 messages, and 1,000 rooms with long names. */
async function fill({ url }: RunningServer): Promise<void> {
  const client = connect({ url, user: "ann" });
  const texts = Array.from({ length: 1_000 }, (_, i) => `${i} `.padEnd(500, "x"));
  await Promise.all(texts.map((text) => client.room("large").send(text)));
  const names = Array.from({ length: 1_000 }, (_, i) => `${i}-`.padEnd(100, "x"));
  await Promise.all(names.map((name) => client.room(name).send("hi")));
  client.close();
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Only the token of the data folder may ask for it. */
function isAdministration({ path }: Attack): boolean {
  return path.includes("AdminService") || path.startsWith("/v1/admin/");
}
