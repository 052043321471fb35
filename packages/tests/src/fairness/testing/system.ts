import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect as connectHttp2 } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { connect } from "@confab/client/node";
import { type RunningServer, startServer } from "@confab/server/testing/start-server";
import { newTestKey, type TestKey } from "../../auth/testing/tokens.js";
import type { Attack, AttackResult, ProbeOrder, ProbeResult } from "../attack.js";

/** A file of the browser app that is as large as such files are. */
export const assetPath = "/assets/app.js";

/** A server with enough in it that requests are expensive, an attacker and a client that behaves, in processes beside it. */
export class AttackedServer {
  private constructor(
    readonly server: RunningServer,
    private readonly attacker: ChildProcess,
    private readonly probe: ChildProcess,
    /** Undefined: callers without a token. */
    private readonly key: TestKey | undefined,
    private readonly release: () => Promise<void>,
  ) {}

  /** `asUsers`: all callers have tokens, and so the limits of users count for each of them. */
  static async start({ asUsers = false } = {}): Promise<AttackedServer> {
    const folder = await mkdtemp(join(tmpdir(), "confab-fairness-"));
    const webRoot = join(folder, "web");
    await mkdir(join(webRoot, "assets"), { recursive: true });
    await writeFile(join(webRoot, assetPath), "x".repeat(200_000));
    const engine = { kind: "embedded", dataDir: join(folder, "data"), durability: "os" } as const;
    const key = asUsers ? newTestKey() : undefined;
    const server = await startServer({ port: 0, engine, webRoot, ...(key && { auth: { keyFiles: [key.file] } }) });
    const members = connectHttp2(server.url);
    const attacker = processOf(new URL("../attacker.js", import.meta.url));
    const probe = processOf(new URL("../probe.js", import.meta.url));
    const system = new AttackedServer(server, attacker, probe, key, async () => {
      for (const child of [attacker, probe]) {
        child.kill();
        if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      }
      members.destroy();
      await server.close();
      key?.remove();
      await rm(folder, { recursive: true });
    });
    await fill(server, key);
    const memberHeaders = await headersOf(key, "member");
    for (let i = 0; i < 500; i++)
      members.request({ ":path": `/v1/rooms/crowd/stream?name=member-${i}`, ...memberHeaders }).resume();
    const probeOrder: ProbeOrder = { port: server.port, user: "probe", headers: await headersOf(key, "probe") };
    members.ping(() => probe.send(probeOrder));
    // Until it has had its first answers.
    while ((await system.others()).messagesMs.length === 0) await sleep(20);
    return system;
  }

  private async attackersHeaders(order: Attack): Promise<Attack["headers"]> {
    if (this.key) return headersOf(this.key, "mallory");
    if (!isAdministration(order)) return {};
    const token = await readFile(this.server.adminTokenFile ?? "", "utf8");
    return { authorization: `Bearer ${token.trim()}` };
  }

  /** @throws Error: the attack could not be made. */
  async attack(order: Attack): Promise<AttackResult> {
    const headers = { ...order.headers, ...(await this.attackersHeaders(order)) };
    this.attacker.send({ ...order, headers, port: this.server.port });
    const result = await answerOf(this.attacker);
    if ("failure" in result) throw new Error(`${order.name}: ${result.failure}`);
    return result as AttackResult;
  }

  /** Wait until no page is made any more for connections that have ended. Those count for the next attack otherwise. */
  async quiet(): Promise<void> {
    while (this.server.work.replyBytes > 0) await sleep(5);
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

/** What a user shows, who may do everything, also in other users' names. */
async function headersOf(key: TestKey | undefined, user: string): Promise<Attack["headers"]> {
  if (!key) return {};
  const rules = [{ pattern: "*", can: everything }];
  return { authorization: `Bearer ${await key.token({ sub: user, "confab.rooms": rules })}` };
}

const everything = ["read", "send", "send-as", "signal", "history", "members", "list", "create", "admin"];

/** A room with 1,000 messages, of which the last is a stranger's, and 1,000 rooms with long names. */
async function fill({ url }: RunningServer, key: TestKey | undefined): Promise<void> {
  const as = (user: string) => connect({ url, user, ...(key && { token: () => key.token({ sub: user }) }) });
  const [client, stranger] = [as("ann"), as("stranger")];
  const texts = Array.from({ length: 999 }, (_, i) => `${i} `.padEnd(500, "x"));
  await Promise.all(texts.map((text) => client.room("large").send(text)));
  await stranger.room("large").send("the last");
  const names = Array.from({ length: 1_000 }, (_, i) => `${i}-`.padEnd(100, "x"));
  await Promise.all(names.map((name) => client.room(name).send("hi")));
  client.close();
  stranger.close();
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Without keys only the token of the data folder may ask for it. */
function isAdministration({ path }: Attack): boolean {
  return path.includes("AdminService") || path.startsWith("/v1/admin/");
}
