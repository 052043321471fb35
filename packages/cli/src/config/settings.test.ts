import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultDedupeWindowMs, limits } from "@confab/contract";
import { defaultRetention } from "@confab/server/settings";
import { readSettings } from "../serve/read-settings.js";
import { serverConfigFrom } from "../serve/server-config.js";
import { fileNameOf, namesOf } from "./setting.js";
import { allSettings } from "./settings.js";

async function config(...args: string[]) {
  return serverConfigFrom((await readSettings(args, { env: {} })).settings);
}

test("no two settings have a name in common, in any of the places where they are given", () => {
  const names = [...allSettings].flatMap(([name, { isSecret }]) => (isSecret ? [name, fileNameOf(name)] : [name]));
  for (const place of ["flag", "variable", "key"] as const) {
    const all = names.map((name) => namesOf(name)[place]);
    assert.equal(new Set(all).size, all.length, place);
  }
  assert.deepEqual(namesOf("auth-key"), { flag: "--auth-key", variable: "CONFAB_AUTH_KEY", key: "auth-key" });
  assert.equal(namesOf("limits.maxRooms").variable, "CONFAB_LIMIT_MAX_ROOMS");
});

test("the defaults of the table are the server's own", async () => {
  const { port, host, retention, dedupeWindowMs, engine, auth } = await config();
  assert.deepEqual(
    [host, port, retention, dedupeWindowMs, auth],
    ["127.0.0.1", 8080, defaultRetention, defaultDedupeWindowMs, undefined],
  );
  assert.deepEqual(engine, { kind: "embedded", dataDir: "confab-data", durability: "fsync" });
  const numbers = Object.keys(limits).map((name) => allSettings.get(`limits.${name}`)?.fallback);
  assert.deepEqual(
    numbers,
    Object.values(limits).map(({ fallback }) => String(fallback)),
  );
});

test("settings reach the server's configuration with their units", async () => {
  const { retention, dedupeWindowMs, auth, allowAnyone } = await config(
    ...["--retention-age", "12h", "--retention-bytes", "2MiB", "--retention-messages", "none"],
    ...["--dedupe-window", "90s", "--auth-key", "k", "--auth-cookie", "none", "--allow-anyone"],
  );
  assert.deepEqual(retention, { maxAgeMs: 43_200_000, maxBytes: 2_097_152 });
  assert.deepEqual([dedupeWindowMs, allowAnyone], [90_000, true]);
  assert.deepEqual(auth, { keyFiles: ["k"], clockToleranceMs: 5_000, cookie: "", isInUrlTaken: false });
});

test("settings of client certificates, proxies and Unix sockets reach the server's configuration", async () => {
  const { tls, trustedProxies, proxyProtocol } = await config(
    ...["--tls-cert", "c", "--tls-key", "k", "--tls-client-ca", "a", "--tls-client-ca", "b"],
    ...["--tls-client-user", "subject-cn", "--trust-proxy", "unix", "--proxy-protocol"],
  );
  assert.deepEqual(tls, { certFile: "c", keyFile: "k", clientCaFiles: ["a", "b"], clientUser: ["subject-cn"] });
  assert.deepEqual([trustedProxies, proxyProtocol], [["unix"], true]);
  assert.equal((await config("--host", "unix:/run/a.sock")).socketMode, 0o600);
  assert.equal((await config("--host", "unix:/run/a.sock", "--socket-mode", "0660")).socketMode, 0o660);
});

test("hooks reach the server's configuration, each with what holds for it", async () => {
  const { hooks } = await config(
    ...["--hook", "send,disconnect=grpc://localhost:1", "--hook", "connect=http://localhost/", "--hook-open", "send"],
    ...["--hook-secret", "a secret of sixteen", "--hook-timeout", "3s", "--hook-skip", "admin"],
  );
  const settings = Object.entries(hooks ?? {}).map(([name, hook]) => {
    const { run, ...others } = hook as { run: unknown };
    assert.equal(typeof run, "function");
    return [name, others];
  });
  const closed = { timeoutMs: 3_000, onFailure: "closed" };
  assert.deepEqual(Object.fromEntries(settings), {
    send: { timeoutMs: 3_000, onFailure: "open", skip: ["admin"] },
    disconnect: { ...closed, skip: ["admin"] },
    connect: closed,
  });
  assert.equal((await config()).hooks, undefined);
});

for (const [args, reason] of [
  [["--tls-client-ca", "a"], /--tls-client-ca needs .*--tls-cert/],
  [["--tls-cert", "c", "--tls-key", "k", "--tls-client-user", "san-dns"], /--tls-client-user needs .*--tls-client-ca/],
  [["--socket-mode", "0660"], /--socket-mode needs .*unix:/],
  [["--host", "unix:/run/a.sock", "--port", "1"], /--port has no effect/],
  [["--hook-timeout", "3s"], /--hook-timeout needs a hook: --hook/],
  [["--hook", "grpc://localhost:1"], /--hook must be the names of hooks, = and a URL/],
  [["--hook", "sned=grpc://localhost:1"], /--hook: there is no hook "sned"/],
  [["--hook", "send=grpc://hooks.example:1"], /--hook: .*another machine/],
  [["--hook", "send=http://localhost/"], /--hook: .*need a secret/],
  [["--hook", "send=grpc://localhost:1", "--hook", "send=grpc://localhost:2"], /--hook names send twice/],
  [["--hook", "send=grpc://localhost:1", "--hook-open", "signal"], /--hook-open signal: --hook does not name it/],
] as const) {
  test(`${args.join(" ")} is refused, with the setting that is missing`, async () => {
    await assert.rejects(async () => config(...args), reason);
  });
}
