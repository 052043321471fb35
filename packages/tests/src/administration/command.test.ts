import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import WebSocket from "ws";
import { newTestKey } from "../auth/testing/tokens.js";
import { webSocketUrl } from "../auth/testing/ways.js";
import { confabFor } from "../embedding/testing.js";
import { runProgram } from "../fixture/run-program.js";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { Administrator } from "./testing/administrator.js";

const confab = fileURLToPath(new URL("../../../cli/dist/main.js", import.meta.url));

describe("confab admin connections and disconnect", { timeout: 120_000 }, () => {
  const key = newTestKey();
  let server: ServerProcess;
  let tokenFile: string;
  let admin: Administrator;
  before(async () => {
    server = await startServerProcess({ flags: { auth: { keyFiles: [key.file] }, durability: "os" } });
    const token = await key.token({ sub: "root", "confab.rooms": [{ pattern: "*", can: ["admin"] }] });
    tokenFile = join(server.dataDir, "token");
    writeFileSync(tokenFile, token);
    admin = new Administrator(server.url, { authorization: `Bearer ${token}` });
  });
  after(async () => {
    await server.stop();
    key.remove();
  });

  const run = (...args: readonly string[]) =>
    runProgram(process.execPath, [confab, "admin", ...args, "--url", server.url, "--token", tokenFile]);

  /** A plain WebSocket; resolves with its close code. */
  async function reading(user: string, room: string): Promise<{ readonly ended: Promise<unknown> }> {
    const headers = { authorization: `Bearer ${await key.token({ sub: user })}` };
    const socket = new WebSocket(`${webSocketUrl(server.url)}?room=${room}`, { headers });
    const ended = once(socket, "close").then(([code]) => code);
    await admin.untilReading(user, 1);
    return { ended };
  }

  it("list as a table and as JSON, and end one connection or those of a user", async () => {
    const [ann, bob] = [await reading("ann", "den"), await reading("bob", "hall")];
    const table = await run("connections");
    assert.deepEqual([table.code, table.stderr], [0, ""]);
    const [head, ...rows] = table.stdout.trimEnd().split("\n");
    assert.match(head ?? "", /^ID +NODE +USER +TRANSPORT +ADDRESS +SINCE +READS +QUEUED$/);
    assert.match(rows[0] ?? "", /^[0-9a-f-]{36} +- +ann +websocket +127\.0\.0\.1 +\S{19} +den +0$/);
    const json = await run("connections", "--room", "hall", "--json");
    const [found, ...others] = json.stdout.trimEnd().split("\n");
    const { id, user } = JSON.parse(found ?? "") as { id: string; user: string };
    assert.deepEqual([user, others], ["bob", []]);
    const one = await run("disconnect", "--connection", id, "--may-return");
    assert.deepEqual([one.code, one.stdout], [0, "1 connection was ended\n"]);
    assert.equal(await bob.ended, 4516);
    const all = await run("disconnect", "ann", "--reason", "enough", "--json");
    assert.deepEqual([all.code, all.stdout], [0, '{"connections":1}\n']);
    assert.equal(await ann.ended, 4005);
    const none = await run("disconnect", "ann");
    assert.deepEqual([none.code, none.stdout], [0, "0 connections were ended\n"]);
  });

  it("end and refuse the tokens with --revoke", async () => {
    const { ended } = await reading("carl", "den");
    const { code, stdout } = await run("disconnect", "carl", "--revoke");
    assert.equal(code, 0);
    assert.match(stdout, /^the tokens of the user are revoked, which ends what they opened; [01] other connections? w/);
    // Whichever of the two came first.
    assert.ok([4001, 4005].includes((await ended) as number));
    const { revocations } = (await admin.ask("GET", "revocations")) as { revocations: { user?: string }[] };
    assert.ok(revocations.some(({ user }) => user === "carl"));
  });

  for (const [args, why] of [
    [["disconnect"], /what to disconnect is USER, or --connection ID/],
    [["disconnect", "ann", "--connection", "1"], /what to disconnect is USER, or --connection ID/],
    [["disconnect", "--connection", "1", "--revoke"], /--revoke requires USER/],
    [["connections", "ann"], /ann/],
  ] as const) {
    it(`refuse "${args.join(" ")}"`, async () => {
      const { code, stderr } = await run(...args);
      assert.equal(code, 2);
      assert.match(stderr, why);
    });
  }
});

describe("the program that a server is part of", { timeout: 60_000 }, () => {
  it("lists and ends connections, also its own readers", async (t) => {
    const server = await confabFor(t);
    const messages = await server.subscribe("den");
    const next = messages.next();
    const { connections, total, nextPage, silentNodes } = await server.admin.connections({ room: "den" });
    assert.deepEqual([total, nextPage, silentNodes], [1, "", []]);
    const [found] = connections;
    assert.ok(found);
    assert.deepEqual([found.transport, found.node, found.readings[0]?.room], ["library", "", "den"]);
    await assert.rejects(server.admin.disconnect({}), { code: "INVALID_MESSAGE" });
    await assert.rejects(server.admin.connections({ limit: -1 }), { code: "INVALID_MESSAGE" });
    assert.equal(await server.admin.disconnect({ connection: found.id, reason: "over" }), 1);
    await assert.rejects(next, { code: "DISCONNECTED", message: "over" });
    assert.equal((await server.admin.connections()).total, 0);
  });
});
