import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { type LiveProgram, startProgram } from "../fixture/live-program.js";
import { runProgram } from "../fixture/run-program.js";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { requirePart } from "../optional-parts.js";

// `curl`, for Connect, REST and server-sent events, over HTTP/1.1 and HTTP/2.

interface Answer {
  readonly status: number;
  readonly json: unknown;
}

interface Curl {
  /** One request; `path` is from the server's root. */
  readonly ask: (path: string, ...args: readonly string[]) => Promise<Answer>;
  /** A request whose answer does not end. */
  readonly follow: (path: string, ...args: readonly string[]) => LiveProgram;
}

let server: ServerProcess;

before(async () => {
  server = await startServerProcess();
});

after(() => server.stop());

const versions = ["--http1.1", "--http2-prior-knowledge"];
const json = ["-H", "content-type: application/json"];
const service = "/confab.v1.ChatService";

/** A test for each HTTP version, skipped where there is no curl. `room` is the test's own. */
function curlTest(name: string, run: (curl: Curl, room: string, t: TestContext) => Promise<void>): void {
  for (const [index, version] of versions.entries()) {
    test(`${name} (${version.slice(2)})`, async (t) => {
      const program = requirePart(t, "curl");
      if (program === undefined) return;
      const common = ["-sS", version];
      const ask = async (path: string, ...args: readonly string[]) => {
        const status = ["-w", "\n%{http_code}"];
        const { code, stdout, stderr } = await runProgram(program, [...common, ...status, ...args, server.url + path]);
        assert.equal(code, 0, stderr);
        const cut = stdout.lastIndexOf("\n");
        return { status: Number(stdout.slice(cut + 1)), json: JSON.parse(stdout.slice(0, cut)) };
      };
      const follow = (path: string, ...args: readonly string[]) => {
        const live = startProgram(program, [...common, "--no-buffer", ...args, server.url + path]);
        t.after(() => live.stop());
        return live;
      };
      await run({ ask, follow }, `${name.replaceAll(/[^a-z]+/gi, "-")}-${index}`, t);
    });
  }
}

/** The parts of a message or acknowledgement that are the same on every run. */
function shown(message: unknown): string {
  const { user, text, position } = message as { user?: string; text?: string; position?: { offset?: string } };
  return [position?.offset, user, text].filter((part) => part !== undefined).join(" ");
}

function shownAll(page: unknown): string[] {
  return (page as { messages?: readonly unknown[] }).messages?.map(shown) ?? [];
}

curlTest("Connect sends by POST and reads history by GET", async ({ ask }, room) => {
  const sent = await ask(`${service}/SendMessage`, ...json, "-d", JSON.stringify({ user: "ada", room, text: "hi" }));
  assert.equal(sent.status, 200);
  assert.equal(shown(sent.json), "1");
  const message = encodeURIComponent(JSON.stringify({ room }));
  const history = await ask(`${service}/GetHistory?connect=v1&encoding=json&message=${message}`);
  assert.equal(history.status, 200);
  assert.deepEqual(shownAll(history.json), ["1 ada hi"]);
});

curlTest("Connect takes and gives gzip", async ({ ask }, room, t) => {
  const text = "the same again ".repeat(200);
  const folder = await mkdtemp(join(tmpdir(), "confab-curl-"));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "body.gz"), gzipSync(JSON.stringify({ user: "ada", room, text })));
  const body = ["-H", "content-encoding: gzip", "--data-binary", `@${join(folder, "body.gz")}`];
  const sent = await ask(`${service}/SendMessage`, ...json, ...body);
  assert.equal(shown(sent.json), "1");
  const history = await ask(`${service}/GetHistory`, "--compressed", ...json, "-d", JSON.stringify({ room }));
  assert.deepEqual(shownAll(history.json), [`1 ada ${text}`]);
});

curlTest("Connect errors are a status and JSON with details", async ({ ask }) => {
  const send = (message: object, ...args: string[]) =>
    ask(`${service}/SendMessage`, ...json, ...args, "-d", JSON.stringify(message));
  const invalid = await send({ user: "", text: "who am I" });
  assert.equal(invalid.status, 400);
  const { code, details } = invalid.json as { code: string; details: readonly { type: string; debug: unknown }[] };
  assert.equal(code, "invalid_argument");
  assert.deepEqual(details[1]?.debug, {
    fieldViolations: [{ field: "user", reason: "string.min_len", description: "must be at least 1 characters" }],
  });
  assert.equal((await ask(`${service}/Nothing`, ...json, "-d", "{}")).status, 404);
  const late = await send({ user: "ada", text: "late" }, "-H", "connect-timeout-ms: 0");
  assert.deepEqual([late.status, (late.json as { code: string }).code], [504, "deadline_exceeded"]);
});

curlTest("a message over the limit is refused", async ({ ask }) => {
  const body = JSON.stringify({ user: "ada", text: "x".repeat(100_000) });
  const connect = await ask(`${service}/SendMessage`, ...json, "-d", body);
  assert.deepEqual([connect.status, (connect.json as { code: string }).code], [429, "resource_exhausted"]);
  const rest = await ask("/v1/rooms/lobby/messages", ...json, "-d", body);
  assert.deepEqual([rest.status, codeOf(rest.json)], [413, "PAYLOAD_TOO_LARGE"]);
});

curlTest("REST sends, pages through history and lists rooms", async ({ ask }, room) => {
  for (const text of ["one", "two", "three"]) {
    const sent = await ask(`/v1/rooms/${room}/messages`, ...json, "-d", JSON.stringify({ user: "ada", text }));
    assert.equal(sent.status, 200);
  }
  const newest = await ask(`/v1/rooms/${room}/messages?limit=2`);
  assert.deepEqual(shownAll(newest.json), ["2 ada two", "3 ada three"]);
  const { rooms } = (await ask(`/v1/rooms?prefix=${room}`)).json as {
    rooms: readonly { name: string; messages: string }[];
  };
  assert.deepEqual(
    rooms.map(({ name, messages }) => [name, messages]),
    [[room, "3"]],
  );
});

curlTest("REST errors name the field and the code", async ({ ask }) => {
  const invalid = await ask("/v1/rooms/lobby/messages", ...json, "-d", '{"user":"","text":"who am I"}');
  assert.deepEqual([invalid.status, codeOf(invalid.json)], [400, "INVALID_MESSAGE"]);
  assert.match(
    JSON.stringify(invalid.json),
    /"field":"user","description":"[^"]+","reason":"string.min_len"|"field":"user"/,
  );
  const missing = await ask("/v1/nothing");
  assert.deepEqual([missing.status, codeOf(missing.json)], [404, "UNKNOWN_PATH"]);
});

curlTest(
  "server-sent events bring what is sent, and go on after the last event's id",
  async ({ ask, follow }, room) => {
    const send = (text: string) =>
      ask(`/v1/rooms/${room}/messages`, ...json, "-d", JSON.stringify({ user: "ada", text }));
    await send("one");
    const first = follow(`/v1/rooms/${room}/stream?history=1`);
    await first.until(/"one"/);
    await send("two");
    const heard = events(await first.until(/"two".*\n\n/));
    assert.deepEqual(
      heard.map(({ message }) => message),
      ["1 ada one", "2 ada two"],
    );
    await first.stop();

    await send("three");
    const again = follow(`/v1/rooms/${room}/stream`, "-H", `last-event-id: ${heard[0]?.id}`);
    await again.until(/"three"/);
    await send("four");
    const resumed = events(await again.until(/"four".*\n\n/));
    assert.deepEqual(
      resumed.map(({ message }) => message),
      ["2 ada two", "3 ada three", "4 ada four"],
    );
  },
);

curlTest("server-sent events that cannot be resumed are refused with what there is", async ({ ask }) => {
  const refused = await ask("/v1/rooms/lobby/stream", "-H", "last-event-id: 1:7");
  assert.deepEqual([refused.status, codeOf(refused.json)], [416, "OUT_OF_RANGE"]);
});

function codeOf(answer: unknown): string | undefined {
  return (answer as { error?: { code?: string } }).error?.code;
}

/** The messages among the events: what is told beside them has a type of its own. */
function events(text: string): { readonly id: string; readonly message: string }[] {
  return text.split("\n\n").flatMap((event) => {
    const fields = new Map(event.split("\n").map((line) => line.split(/: ?(.*)/s, 2) as [string, string]));
    const [id, data] = [fields.get("id"), fields.get("data")];
    if (id === undefined || data === undefined || fields.has("event")) return [];
    return [{ id, message: shown(JSON.parse(data)) }];
  });
}
