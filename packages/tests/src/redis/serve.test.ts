import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startProgram } from "../fixture/live-program.js";
import { RedisServer } from "../fixture/redis-server.js";
import { runProgram } from "../fixture/run-program.js";
import { startServerProcess } from "../fixture/server-process.js";
import { requirePart } from "../optional-parts.js";
import { openNode } from "./testing/open-node.js";
import { redisFor } from "./testing/redis-for.js";

const confab = fileURLToPath(new URL("../../../cli/dist/main.js", import.meta.url));

test("two servers on one Redis: what is sent to one is history at the other, and neither is ready while Redis is away", async (t) => {
  const redis = await redisFor(t, { args: ["--appendonly", "yes"] });
  if (!redis) return;
  const engine = { kind: "redis", url: redis.url } as const;
  const servers = [await startServerProcess({ flags: { engine } }), await startServerProcess({ flags: { engine } })];
  for (const server of servers) t.after(() => server.stop());
  const [one, two] = servers.map(({ url }) => url);
  const send = (text: string) =>
    fetch(`${one}/v1/rooms/lobby/messages`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ user: "ann", text }),
    });
  assert.equal((await send("hi")).status, 200);
  const page = (await (await fetch(`${two}/v1/rooms/lobby/messages?limit=10`)).json()) as {
    messages: { text: string }[];
  };
  assert.deepEqual(
    page.messages.map(({ text }) => text),
    ["hi"],
  );
  const readiness = async () => Promise.all([one, two].map(async (url) => (await fetch(`${url}/readyz`)).status));
  assert.deepEqual(await readiness(), [200, 200]);
  await redis.kill("SIGKILL");
  while (String(await readiness()) !== "503,503") await new Promise(setImmediate);
  const refused = await send("nobody takes it");
  assert.equal(refused.status, 503);
  assert.ok(Number(refused.headers.get("retry-after")) > 0);
  await redis.run();
  while (String(await readiness()) !== "200,200") await new Promise(setImmediate);
  assert.equal((await send("again")).status, 200);
});

for (const [args, why, code] of [
  [["--engine", "redis://127.0.0.1:1"], /^confab: --engine: Redis at 127\.0\.0\.1:1: nothing listens there/, 1],
  [["--engine", "mysql://db"], /--engine: a Redis URL begins with/, 2],
  [["--engine", "redis://db", "--redis-prefix", "a{b}"], /Redis prefix is "a\{b\}"/, 2],
  [["--engine", "redis://db", "--redis-wait-replicas", "many"], /redis-wait-replicas/, 2],
  [
    ["--engine", "redis://db", "--data", "folder"],
    /--data requires the embedded engine, and --engine names a Redis/,
    2,
  ],
  [
    ["--redis-prefix", "a"],
    /--redis-prefix requires the URL of a Redis, by --engine, CONFAB_ENGINE or CONFAB_ENGINE_FILE/,
    2,
  ],
] as const) {
  test(`confab serve ${args.join(" ")} ends with ${code} and says why`, async () => {
    const { code: exitCode, stderr } = await runProgram(process.execPath, [confab, "serve", "--port", "0", ...args]);
    assert.match(stderr, why);
    assert.equal(exitCode, code);
  });
}

for (const [env, args, why, code] of [
  [
    { CONFAB_ENGINE: "redis://:secret@127.0.0.1:1" },
    [],
    /^confab: CONFAB_ENGINE: Redis at 127\.0\.0\.1:1: nothing listens/,
    1,
  ],
  [{ CONFAB_ENGINE: "mysql://:secret@db" }, [], /CONFAB_ENGINE: a Redis URL begins with/, 2],
  [{ CONFAB_ENGINE: "" }, [], /CONFAB_ENGINE is empty/, 2],
  [{ CONFAB_ENGINE_FILE: "/no/such/file" }, [], /CONFAB_ENGINE_FILE \/no\/such\/file: no such file/, 2],
  [{ CONFAB_ENGINE: "redis://db" }, ["--data", "d"], /--data requires the embedded engine, and CONFAB_ENGINE names/, 2],
  [{}, ["redis://:secret@db"], /unexpected argument "redis:\/\/\.\.\.@db"/, 2],
] as const) {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value} `);
  test(`${variables.join("")}confab serve ${args.join(" ")} ends with ${code} and says why`, async () => {
    const command = [confab, "serve", "--port", "0", ...args];
    const { code: exitCode, stderr } = await runProgram(process.execPath, command, { env: { ...process.env, ...env } });
    assert.match(stderr, why);
    assert.doesNotMatch(stderr, /secret/);
    assert.equal(exitCode, code);
  });
}

test("the password of Redis by option, variable or file: it works, is never printed, and the option warns once", async (t) => {
  const redis = await redisFor(t, { args: ["--save", "", "--requirepass", "secret"] });
  if (!redis) return;
  const url = `redis://:secret@127.0.0.1:${redis.port}`;
  const folder = await mkdtemp(join(tmpdir(), "confab-engine-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "engine");
  await writeFile(file, `${url}\n`);
  for (const [env, args, warnings] of [
    [{}, ["--engine", url], 1],
    [{ CONFAB_ENGINE: url }, [], 0],
    [{ CONFAB_ENGINE_FILE: file }, [], 0],
    [{ CONFAB_ENGINE: url }, ["--json"], 0],
  ] as const) {
    const server = startProgram(process.execPath, [confab, "serve", "--port", "0", ...args], {
      joinsStderr: true,
      env: { ...process.env, ...env },
    });
    t.after(() => server.stop());
    await server.until(/listening|listens on/);
    // What it says when Redis goes away and then refuses the password counts too.
    await redis.cli("-a", "secret", "CONFIG", "SET", "requirepass", "other");
    await redis.cli("-a", "other", "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    await server.until(/lost a connection/);
    await redis.cli("-a", "other", "CONFIG", "SET", "requirepass", "secret");
    const printed = await server.until(/connected to Redis again/);
    await server.stop();
    assert.doesNotMatch(printed, /secret/);
    assert.equal(printed.split("CONFAB_ENGINE_FILE").length - 1, warnings);
  }
});

test("TLS: a server whose authority is not known is refused, and one that is known is talked to", async (t) => {
  const openssl = requirePart(t, "openssl");
  if (openssl === undefined || requirePart(t, "redis") === undefined) return;
  const folder = await mkdtemp(join(tmpdir(), "confab-tls-"));
  t.after(() => rm(folder, { recursive: true }));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-keyout", key, "-out", cert];
  const named = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
  await promisify(execFile)(openssl, ["req", "-x509", "-nodes", "-days", "2", ...made, ...named]);
  const files = ["--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert];
  const redis = await RedisServer.start({ args: ["--save", "", ...files, "--tls-auth-clients", "no"], isTls: true });
  t.after(() => redis.stop());
  const url = redis.url.replace("redis:", "rediss:");
  await assert.rejects(openNode({ url }), /cannot be reached \(DEPTH_ZERO_SELF_SIGNED_CERT/);
  await assert.rejects(openNode({ url: redis.url, answerTimeoutMs: 500 }), { name: "RedisStartError" });
  const program = `const { openNode } = await import(process.argv[1]);
    const engine = await openNode({ url: process.argv[2] });
    console.log((await engine.log.state("lobby")).newest);
    await engine.close();`;
  const module = new URL("./testing/open-node.js", import.meta.url).href;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program, module, url], {
    env: { ...process.env, NODE_EXTRA_CA_CERTS: cert },
  });
  assert.equal(stdout, "0\n");
});
