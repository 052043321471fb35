import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, it } from "node:test";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";
import { newTestKey } from "../auth/testing/tokens.js";
import { startProgram } from "../fixture/live-program.js";

const confab = fileURLToPath(new URL("../../../cli/dist/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "confab-test-"));
const key = newTestKey();
const other = newTestKey();
after(() => {
  rmSync(folder, { recursive: true, force: true });
  for (const each of [key, other]) each.remove();
});

interface AuditLine {
  readonly audit: string;
  readonly code: string;
  readonly action: string;
  readonly transport?: string;
  readonly room?: string;
  readonly user?: string;
  readonly remoteAddress: string;
  readonly requestId?: string;
}

it("confab serve --audit-log: each kind of refusal is in the file, and neither it nor the log has a token", async (t) => {
  const file = join(folder, "audit");
  const args = [confab, "serve", "--port", "0", "--data", join(folder, "data"), "--auth-key", key.file];
  const program = startProgram(process.execPath, [...args, "--audit-log", file], { joinsStderr: true });
  t.after(() => program.stop());
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(await program.until(/Ctrl-C stops it/))?.[0] ?? "";
  const linesIn = (name: string) =>
    readFileSync(name, "utf8")
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as AuditLine);
  const send = (token: string | undefined, body: object = { text: "hi" }) =>
    fetch(`${url}/v1/rooms/den/messages`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "x-request-id": "r-1",
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(body),
    });

  const bad = await other.token({ sub: "mal" });
  const reader = await key.token({ "confab.rooms": [{ pattern: "*", can: ["read"] }] });
  assert.equal((await send(undefined)).status, 401);
  assert.equal((await send(bad)).status, 401);
  assert.equal((await send(reader)).status, 403);
  assert.equal((await send(await key.token())).status, 200);
  const socket = new WebSocket(`${url.replace("http", "ws")}/chat`, ["confab.v1.json", `confab.token.${bad}`]);
  socket.on("error", () => undefined);
  await once(socket, "close");
  const wrongHost = request(`${url}/v1/rooms`, { headers: { host: "evil.example" } }).end();
  const [answer] = (await once(wrongHost, "response")) as [{ statusCode: number; resume(): void }];
  answer.resume();
  assert.equal(answer.statusCode, 421);

  // One file until it is renamed and the server is told.
  renameSync(file, `${file}.1`);
  process.kill(program.pid, "SIGHUP");
  await program.until(/the keys were read again/);

  const shown = linesIn(`${file}.1`).map(({ code, action, transport, room, user, requestId }) =>
    [code, action, transport, room, user, requestId].map((each) => each ?? "-").join(" "),
  );
  assert.deepEqual(shown.slice(0, 4), [
    "UNAUTHENTICATED send rest - - r-1",
    "UNAUTHENTICATED send rest - - r-1",
    "PERMISSION_DENIED send rest den ann r-1",
    "UNAUTHENTICATED connect websocket - - -",
  ]);
  // An address has five lines in ten seconds, and all of these came from one.
  assert.deepEqual(shown.slice(4), ["UNKNOWN_HOST connect - - - -"]);
  assert.ok(
    linesIn(`${file}.1`).every(({ audit, remoteAddress }) => audit === "refused" && remoteAddress === "127.0.0.1"),
  );
  assert.ok(existsSync(file), "a new file was opened");
  const printed = (await program.until(/./)) + readFileSync(`${file}.1`, "utf8");
  for (const token of [bad, reader]) for (const part of token.split(".")) assert.ok(!printed.includes(part), part);
});
