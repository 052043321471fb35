import assert from "node:assert/strict";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { type RunningServer, type ServerConfig, startServer } from "@confab/server/testing/start-server";
import { Frames } from "../auth/testing/frames.js";
import { streams } from "../auth/testing/streams.js";
import { inSeconds, newTestKey } from "../auth/testing/tokens.js";
import { startProgram } from "../fixture/live-program.js";

const confab = fileURLToPath(new URL("../../../cli/dist/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "confab-test-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A server in this process, and what it has logged. */
async function serverOf(t: TestContext, config: Omit<ServerConfig, "engine">) {
  const lines: string[] = [];
  const log = (facts: object, message: string) => void lines.push(`${message} ${JSON.stringify(facts)}`);
  const engine = { kind: "embedded", dataDir: mkdtempSync(join(folder, "data-")), durability: "os" } as const;
  const logger = { info: log, warn: log, error: log };
  const server = await startServer({ port: 0, engine, logger, ...config });
  t.after(() => server.close());
  return { server, lines };
}

function post(url: string, path: string, body: object, headers: Readonly<Record<string, string>> = {}) {
  return fetch(url + path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

async function maxStreams({ url }: RunningServer): Promise<number | undefined> {
  const session = connectHttp2(url);
  const [settings] = (await once(session, "remoteSettings")) as [{ maxConcurrentStreams?: number }];
  session.close();
  return settings.maxConcurrentStreams;
}

/** The status of a message that is sent over an open connection. */
async function statusOver(session: ClientHttp2Session, token: string): Promise<number | undefined> {
  const request = session.request({
    ":method": "POST",
    ":path": "/v1/rooms/den/messages",
    "content-type": "application/json",
    authorization: `Bearer ${token}`,
  });
  request.end('{"text":"hi"}');
  const [headers] = (await once(request, "response")) as [{ ":status"?: number }];
  request.resume();
  await once(request, "close");
  return headers[":status"];
}

/** Longer than any machine takes for what these tests wait for, in milliseconds. */
const timeoutMs = 120_000;

describe("a running server", () => {
  it("takes other limits, for what it does and for new connections, and says which", async (t) => {
    const { server, lines } = await serverOf(t, { limits: { maxSignalsPerSecond: 1, maxStreamsPerConnection: 7 } });
    const signal = async () =>
      (await post(server.url, "/v1/rooms/lobby/signals", { user: "ann", kind: "typing" })).status;
    assert.deepEqual([await signal(), await signal()], [200, 429]);
    assert.equal(await maxStreams(server), 7);
    server.reload({ limits: { maxSignalsPerSecond: 1_000, maxStreamsPerConnection: 9, maxRooms: 5 } });
    while ((await signal()) !== 200);
    assert.deepEqual([await signal(), await signal()], [200, 200]);
    assert.equal(await maxStreams(server), 9);
    assert.deepEqual(lines, ['limits have changed {"maxStreamsPerConnection":9,"maxSignalsPerSecond":1000}']);
  });

  it("admits as many connections as the last maxConnections says", async (t) => {
    const { server } = await serverOf(t, { limits: { maxConnections: 1 } });
    const open: Socket[] = [];
    t.after(() => {
      for (const socket of open) socket.destroy();
    });
    /** Whether the server answers; one connection too many is closed at once. */
    const isAdmitted = async () => {
      const socket = connect(server.port, "127.0.0.1");
      open.push(socket);
      socket.on("error", () => undefined);
      const [event] = await Promise.race([
        once(socket, "data").then(() => ["data"]),
        once(socket, "close").then(() => ["close"]),
        once(socket, "connect").then(() => {
          socket.write("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n");
          return new Promise<never>(() => undefined);
        }),
      ]);
      return event === "data";
    };
    assert.deepEqual([await isAdmitted(), await isAdmitted()], [true, false]);
    server.reload({ limits: { maxConnections: 5 } });
    assert.equal(await isAdmitted(), true);
  });

  it("keeps its limits when one of the others is wrong", async (t) => {
    const { server, lines } = await serverOf(t, { limits: { maxStreamsPerConnection: 7 } });
    server.reload({ limits: { maxStreamsPerConnection: 0, maxErrors: 50 } });
    assert.equal(await maxStreams(server), 7);
    assert.match(lines.join("\n"), /limits .*the old one stays .*maxStreamsPerConnection is 0/);
  });

  it("ends what was opened with a key that is not there any more, on every transport", {
    timeout: timeoutMs,
  }, async (t) => {
    const [one, other] = [newTestKey(), newTestKey()];
    t.after(() => {
      for (const key of [one, other]) key.remove();
    });
    const file = join(folder, "removed-key");
    copyFileSync(one.file, file);
    const auth = { keyFiles: [file] };
    const { server } = await serverOf(t, { auth });
    const shown = { authorization: `Bearer ${await one.token()}` };
    // A room without a message is not listed.
    assert.equal((await post(server.url, "/v1/rooms/den/messages", { text: "hi" }, shown)).status, 200);
    const endings = streams.map(async ([name, end]) => `${name}: ${await end(server.url, shown)}`);
    const readers = async () => {
      const reply = await fetch(`${server.url}/v1/rooms?prefix=den`, { headers: shown });
      return ((await reply.json()) as { rooms?: { subscribers?: number }[] }).rooms?.[0]?.subscribers ?? 0;
    };
    while ((await readers()) < streams.length);
    copyFileSync(other.file, file);
    server.reload({ auth });
    assert.deepEqual(
      await Promise.all(endings),
      streams.map(([name]) => `${name}: UNAUTHENTICATED`),
    );
  });

  // A connection remembers its header, and went on with a token that other connections were refused for. What was revoked
  // then was kept for the lower limit, and the token was accepted again.
  it("judges tokens by the limit of now on open connections too, and keeps revocations for what is open", {
    timeout: timeoutMs,
  }, async (t) => {
    const key = newTestKey();
    t.after(() => key.remove());
    const auth = { keyFiles: [key.file], clockToleranceMs: 5_000 };
    const [hoursMs, minuteMs] = [7_200_000, 60_000];
    const { server } = await serverOf(t, { auth, limits: { maxTokenLifetimeMs: hoursMs } });
    const token = await key.token({ jti: "long", exp: inSeconds(7_000) });
    const session = connectHttp2(server.url);
    t.after(() => session.destroy());
    const shown = { authorization: `Bearer ${token}` };
    const frames = await Frames.open(server.url, ["confab.v1.json"], shown);
    const statuses = async () => [
      await statusOver(session, token),
      (await post(server.url, "/v1/rooms/den/messages", { text: "hi" }, shown)).status,
    ];
    for (let time = 0; time < 3; time++) assert.deepEqual(await statuses(), [200, 200]);
    server.reload({ auth, limits: { maxTokenLifetimeMs: minuteMs } });
    assert.deepEqual(await statuses(), [401, 401]);
    assert.equal(await frames.ask({ history: { room: "den" } }), "history", "what is open goes on");
    const admin = await key.token({
      sub: "root",
      exp: inSeconds(50),
      "confab.rooms": [{ pattern: "*", can: ["admin"] }],
    });
    const nowMs = Date.now();
    const reply = await post(
      server.url,
      "/v1/admin/revocations",
      { tokenId: "long" },
      { authorization: `Bearer ${admin}` },
    );
    const { keptUntil } = (await reply.json()) as { keptUntil: string };
    assert.ok(Date.parse(keptUntil) >= nowMs + hoursMs + 2 * auth.clockToleranceMs, keptUntil);
    await frames.first(({ frame }) => frame.case === "error" && frame.value.code === "UNAUTHENTICATED");
  });

  it("verifies by the keys that the files have now: no longer a token that it knew, and from then on the others", async (t) => {
    const [one, other] = [newTestKey(), newTestKey()];
    t.after(() => {
      for (const key of [one, other]) key.remove();
    });
    const file = join(folder, "key");
    copyFileSync(one.file, file);
    const auth = { keyFiles: [file] };
    const { server, lines } = await serverOf(t, { auth });
    const [ann, bob] = [await one.token({ sub: "ann" }), await other.token({ sub: "bob" })];
    const statuses = () =>
      Promise.all(
        [ann, bob].map(async (token) => {
          const headers = { authorization: `Bearer ${token}` };
          return (await post(server.url, "/v1/rooms/lobby/messages", { text: "hi" }, headers)).status;
        }),
      );
    assert.deepEqual(await statuses(), [200, 401]);
    writeFileSync(file, "short\n");
    server.reload({ auth });
    assert.match(lines.join("\n"), /keys .*the old one stays .*neither PEM/);
    assert.deepEqual(await statuses(), [200, 401]);
    copyFileSync(other.file, file);
    server.reload({ auth });
    assert.deepEqual(await statuses(), [401, 200]);
    // Whether a token is needed at all is decided at the start.
    server.reload({});
    assert.match(lines.join("\n"), /whether callers need a token .* restart only/);
    assert.deepEqual(await statuses(), [401, 200]);
  });
});

describe("confab serve on SIGHUP", () => {
  it("reads its file again, takes what it can, and names what needs a restart", async (t) => {
    const file = join(folder, "confab.yaml");
    const write = (text: string) => writeFileSync(file, `data: ${join(folder, "hangup")}\n${text}`);
    write("port: 0\nlog-level: error\nlimits: { maxErrors: 50 }\n");
    const program = startProgram(process.execPath, [confab, "serve", "--config", file, "--limit", "maxResets=77"], {
      joinsStderr: true,
    });
    t.after(() => program.stop());
    await program.until(/Ctrl-C stops it/);

    write("port: 0\nlog-level: error\nlimits: { maxErors: 60 }\n");
    process.kill(program.pid, "SIGHUP");
    const kept = await program.until(/the old ones stay.*\n/);
    assert.match(
      kept,
      /error: .*the old ones stay reason=.*confab\.yaml:4: unknown limit \\"maxErors\\"; did you mean maxErrors\?/,
    );

    // The line of the limits has the level info.
    write("port: 1\nlimits: { maxErrors: 60, maxResets: 88, maxRooms: 9 }\n");
    process.kill(program.pid, "SIGHUP");
    const taken = await program.until(/need a restart.*\n/);
    assert.match(taken, /limits have changed maxErrors=60\n/);
    assert.match(
      taken,
      /need a restart settings=\["[^"]*confab\.yaml:2: port","[^"]*confab\.yaml:3: limits\.maxRooms"\]/,
    );
  });
});
