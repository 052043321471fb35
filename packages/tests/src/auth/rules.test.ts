import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type ServerProcess, startConfabServe } from "../fixture/server-process.js";
import { Frames } from "./testing/frames.js";
import { streams } from "./testing/streams.js";
import { newTestKey } from "./testing/tokens.js";
import type { Shown } from "./testing/ways.js";

// The operator's rules, in addition to what tokens say.

const key = newTestKey();
const bearer = (token: string): Shown => ({ authorization: `Bearer ${token}` });
const all = "[read, send, signal, history, members, list, create]";
const open = `
everyone: [{ pattern: "closed-*", cannot: [send] }]
tokens: [{ pattern: "*", can: ${all} }]
anonymous: [{ pattern: "public-*", can: [read, history, send, create] }]
users: { ann: [{ pattern: "ann-*", can: ${all} }] }
`;

let folder: string;
let file: string;
let server: ServerProcess;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "confab-test-"));
  file = join(folder, "rules.yaml");
  writeFileSync(file, open);
  server = await startConfabServe(["--auth-key", key.file, "--allow-anyone", "--rules", file]);
});
after(async () => {
  await server.stop();
  key.remove();
  rmSync(folder, { recursive: true, force: true });
});

async function send(room: string, shown: Shown, user = "ann"): Promise<number> {
  const headers = { "content-type": "application/json", ...shown };
  const body = JSON.stringify({ user, text: "hi" });
  return (await fetch(`${server.url}/v1/rooms/${room}/messages`, { method: "POST", headers, body })).status;
}

async function read(room: string, shown: Shown): Promise<number> {
  return (await fetch(`${server.url}/v1/rooms/${room}/messages`, { headers: shown })).status;
}

async function becomes(expected: number, ask: () => Promise<number>): Promise<void> {
  const endMs = Date.now() + 30_000;
  while ((await ask()) !== expected) {
    assert.ok(Date.now() < endMs, "the rules were not taken");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test("rules are joined: what the token says, what all callers and its user may do; what one forbids counts", async () => {
  const ann = bearer(await key.token());
  const narrow = bearer(await key.token({ "confab.rooms": [{ pattern: "den", can: ["send", "create"] }] }));
  assert.deepEqual([await send("den", ann), await send("closed-1", ann)], [200, 403]);
  assert.deepEqual(
    [await send("den", narrow), await send("hall", narrow), await send("ann-1", narrow)],
    [200, 403, 200],
  );
  const bob = bearer(await key.token({ sub: "bob", "confab.rooms": [] }));
  assert.deepEqual([await send("ann-1", bob), await read("den", bob)], [403, 403]);
});

test("callers without a token have separate rules", async () => {
  await becomes(200, () => read("public-1", {}));
  assert.deepEqual([await read("public-1", {}), await read("den", {}), await send("den", {}, "~ann")], [200, 403, 403]);
});

test("callers without a token use names that no token has", async () => {
  assert.deepEqual([await send("public-1", {}, "ann"), await send("public-1", {}, "~ann")], [403, 200]);
  const tilde = bearer(await key.token({ sub: "~ann" }));
  assert.equal(await send("public-1", tilde, "~ann"), 401);
});

test("rules that change are taken on SIGHUP, and what they do not allow any more ends, on every transport", async () => {
  const shown = bearer(await key.token());
  const endings = streams.map(([, end]) => end(server.url, shown));
  const rooms = async () => {
    const reply = await fetch(`${server.url}/v1/rooms?prefix=den`, { headers: shown });
    return ((await reply.json()) as { rooms: { subscribers?: number }[] }).rooms[0]?.subscribers ?? 0;
  };
  await becomes(streams.length, rooms);
  writeFileSync(file, `${open.replace('"closed-*"', '"den"').replace("[send]", "[send, read]")}`);
  process.kill(server.pid, "SIGHUP");
  // A connection with frames lives on, without the room.
  const outcomes = await Promise.all(
    endings.map((ending) => Promise.race([ending, new Promise((resolve) => setTimeout(resolve, 5_000, "open"))])),
  );
  assert.deepEqual(
    streams.map(([name], index) => `${name}: ${outcomes[index]}`).filter((line) => !/: PERMISSION_DENIED$/.test(line)),
    streams
      .map(([name]) => name)
      .filter((name) => /frames|Converse/.test(name))
      .map((name) => `${name}: open`),
  );
  assert.equal(await send("den", shown), 403);
});

// Presence was decided on when the subscription began, and went on for as long as that lived.
test("readers that new rules do not allow to see the members are told no more who comes and goes", async () => {
  const shown = bearer(await key.token());
  const reader = await Frames.open(server.url, ["confab.v1.json"], shown);
  for (const room of ["hall", "last"])
    assert.equal(await reader.ask({ subscribe: { reader: { room }, presence: true } }), "subscribed");
  const text = open.replace(
    "everyone: [",
    "everyone: [{ pattern: last, cannot: [read] }, { pattern: hall, cannot: [members] }, ",
  );
  writeFileSync(file, text);
  process.kill(server.pid, "SIGHUP");
  // One look at the connection ends this one, and has been at the other one before.
  await reader.first(({ frame }) => frame.case === "unsubscribed");
  const carl = await Frames.open(server.url, ["confab.v1.json"], bearer(await key.token({ sub: "carl" })));
  assert.equal(await carl.ask({ subscribe: { reader: { room: "hall", name: "carl" } } }), "subscribed");
  assert.equal(await send("hall", shown), 200);
  await reader.first(({ frame }) => frame.case === "messages");
  assert.equal(await reader.ask({ history: { room: "hall" } }), "history");
  assert.ok(!reader.has("presence"));
  for (const { socket } of [reader, carl]) socket.terminate();
});

test("rules that cannot be used are refused at the start with their place, and later leave the old ones", async () => {
  for (const [text, reason] of [
    ["everyone: [{ pattern: a*b, can: [] }]", /--rules: everyone\[0\]\.pattern/],
    ["others: []", /--rules: the rules have "others"; there are everyone, tokens, anonymous, users/],
    ["tokens: []\ntokens: []", /rules\.yaml:2: Map keys must be unique/],
    ["everyone: [{ pattern: *-pub, can: [] }]", /Alias resolution is disabled.*in quotes/],
    ["- 1", /--rules: the rules must be an object/],
  ] as const) {
    writeFileSync(file, text);
    await assert.rejects(startConfabServe(["--rules", file]), reason);
  }
  // The server reads the last of them, and goes on; then one that can be used.
  process.kill(server.pid, "SIGHUP");
  writeFileSync(file, "everyone: [{ pattern: *-pub, can: [] }]");
  process.kill(server.pid, "SIGHUP");
  assert.deepEqual([await read("public-1", {}), await read("other", {})], [200, 403]);
  writeFileSync(file, open.replace("public-*", "other*"));
  process.kill(server.pid, "SIGHUP");
  await becomes(200, () => read("other", {}));
  assert.equal(await read("public-1", {}), 403);
});
