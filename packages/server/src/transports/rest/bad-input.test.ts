import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { ConfabError, type ErrorCode, errorKinds } from "@confab/contract";
import { roomIdFrom } from "../../core/index.js";
import { ArrivalTimeouts } from "../../http/arrival-timeouts.js";
import { type RestTestServer, restTestServer } from "../../testing/rest-test-server.js";

const maxMessageBytes = 2_048;
/** What REST may take for such a message: see `maxWireBytes`. */
const maxBodyBytes = 6 * maxMessageBytes + 1_024;

let server: RestTestServer;

before(async () => {
  server = await restTestServer({ limits: { maxMessageBytes } });
  await server.say("lobby", "one", "two", "three");
  server.engine.trim(roomIdFrom("lobby"), 1);
});
after(() => server.close());

interface BadRequest {
  readonly why: string;
  readonly code: ErrorCode;
  readonly message: RegExp;
  readonly path?: string;
  readonly method?: string;
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  /** The fields of the BadRequest detail. */
  readonly fields?: readonly string[];
}

const messages = "/v1/rooms/lobby/messages";
const stream = "/v1/rooms/lobby/stream";
const good = '{"user":"bob","text":"hi"}';

const badRequests: readonly BadRequest[] = [
  { why: "broken JSON", code: "MALFORMED_MESSAGE", message: /JSON/, body: '{"user":' },
  {
    why: "an empty body that claims to be JSON",
    code: "INVALID_MESSAGE",
    message: /user/,
    body: "",
    fields: ["user", ""],
  },
  { why: "JSON that is no object", code: "MALFORMED_MESSAGE", message: /object/, body: "[1]" },
  { why: "JSON null", code: "MALFORMED_MESSAGE", message: /object/, body: "null" },
  { why: "invalid UTF-8", code: "MALFORMED_MESSAGE", message: /UTF-8/, body: Buffer.from([0x7b, 0xff, 0x7d]) },
  {
    why: "half a surrogate pair",
    code: "MALFORMED_MESSAGE",
    message: /surrogate/,
    body: '{"user":"bob","text":"\\ud800"}',
  },
  { why: "a field of another type", code: "MALFORMED_MESSAGE", message: /text/, body: '{"user":"bob","text":5}' },
  {
    why: "JSON nested beyond any use",
    code: "MALFORMED_MESSAGE",
    message: /nested deeper than 100/,
    body: `{"user":"ann","text":"hi","other":${"[".repeat(100)}${"]".repeat(100)}}`,
  },
  { why: "no user", code: "INVALID_MESSAGE", message: /user/, body: '{"text":"hi"}', fields: ["user"] },
  {
    why: "neither text nor payload",
    code: "INVALID_MESSAGE",
    message: /text or payload/,
    body: '{"user":"bob"}',
    fields: [""],
  },
  {
    why: "a room of another shape",
    code: "INVALID_MESSAGE",
    message: /room/,
    path: "/v1/rooms/-x/messages",
    body: good,
    fields: ["room"],
  },
  {
    why: "a room with a slash in it",
    code: "INVALID_MESSAGE",
    message: /room/,
    path: "/v1/rooms/a%2Fb/messages",
    body: good,
    fields: ["room"],
  },
  {
    why: "a room with broken percent-encoding",
    code: "MALFORMED_MESSAGE",
    message: /"room"/,
    path: "/v1/rooms/%zz/messages",
    body: good,
  },
  {
    why: "a form",
    code: "UNSUPPORTED_MEDIA_TYPE",
    message: /form-urlencoded.*application\/json/,
    body: good,
    headers: { "content-type": "application/x-www-form-urlencoded" },
  },
  {
    why: "JSON in another charset",
    code: "UNSUPPORTED_MEDIA_TYPE",
    message: /latin1/,
    body: good,
    headers: { "content-type": "application/json; charset=latin1" },
  },
  {
    why: "a body without a content type",
    code: "UNSUPPORTED_MEDIA_TYPE",
    message: /missing/,
    body: Buffer.from(good),
    headers: { "content-type": "" },
  },
  {
    why: "brotli",
    code: "UNSUPPORTED_COMPRESSION",
    message: /"br".*gzip/,
    body: good,
    headers: { "content-encoding": "br" },
  },
  {
    why: "gzip that is none",
    code: "MALFORMED_MESSAGE",
    message: /gzip/,
    body: good,
    headers: { "content-encoding": "gzip" },
  },
  {
    why: "a message over maxMessageBytes",
    code: "PAYLOAD_TOO_LARGE",
    message: /maxMessageBytes is 2048/,
    body: JSON.stringify({ user: "bob", text: "x".repeat(maxMessageBytes) }),
  },
  {
    why: "a body over what such a message may take",
    code: "PAYLOAD_TOO_LARGE",
    message: /13312.*maxMessageBytes/,
    body: " ".repeat(maxBodyBytes + 1),
  },
  {
    why: "gzip that unpacks to megabytes",
    code: "PAYLOAD_TOO_LARGE",
    message: /maxMessageBytes/,
    body: gzipSync(Buffer.alloc(5_000_000)),
    headers: { "content-encoding": "gzip" },
  },
  {
    why: "a signal without a kind",
    code: "INVALID_MESSAGE",
    message: /kind/,
    path: "/v1/rooms/lobby/signals",
    body: '{"user":"bob"}',
    fields: ["kind"],
  },
  { why: "an unknown path", code: "UNKNOWN_PATH", message: /"\/v1\/nowhere"/, path: "/v1/nowhere", body: good },
  { why: "a verb the path does not have", code: "METHOD_NOT_ALLOWED", message: /POST, GET, HEAD/, method: "DELETE" },
  {
    why: "a limit that is no number",
    code: "MALFORMED_MESSAGE",
    message: /query parameter "limit": "ten" is not of type uint32/,
    method: "GET",
    path: `${messages}?limit=ten`,
  },
  {
    why: "a negative limit",
    code: "MALFORMED_MESSAGE",
    message: /"limit"/,
    method: "GET",
    path: `${messages}?limit=-1`,
  },
  {
    why: "a parameter given twice",
    code: "MALFORMED_MESSAGE",
    message: /"limit" is given twice/,
    method: "GET",
    path: `${messages}?limit=1&limit=2`,
  },
  {
    why: "a limit over the contract's",
    code: "INVALID_MESSAGE",
    message: /limit/,
    method: "GET",
    path: `${messages}?limit=1001`,
    fields: ["limit"],
  },
  {
    why: "a bool that is none",
    code: "MALFORMED_MESSAGE",
    message: /"oldest_first": "yes" is not of type bool/,
    method: "GET",
    path: `${messages}?oldestFirst=yes`,
  },
  {
    why: "a position that is none",
    code: "MALFORMED_MESSAGE",
    message: /"after": "x" is not of type position, which is epoch:offset/,
    method: "GET",
    path: `${messages}?after=x`,
  },
  {
    why: "a position in two spellings at once",
    code: "MALFORMED_MESSAGE",
    message: /"after.offset" is given twice/,
    method: "GET",
    path: `${messages}?after=7:2&after.offset=1`,
  },
  {
    why: "broken percent-encoding in the query",
    code: "MALFORMED_MESSAGE",
    message: /"limit" is not percent-encoded/,
    method: "GET",
    path: `${messages}?limit=%f`,
  },
  {
    why: "two cursors",
    code: "INVALID_MESSAGE",
    message: /exclude/,
    method: "GET",
    path: `${messages}?after=7:2&before=7:3`,
    fields: [""],
  },
  {
    why: "a page out of range",
    code: "OUT_OF_RANGE",
    message: /trimmed/,
    method: "GET",
    path: `${messages}?after=7:0`,
  },
  {
    why: "a page of another epoch",
    code: "OUT_OF_RANGE",
    message: /another epoch/,
    method: "GET",
    path: `${messages}?after=8:2`,
  },
  {
    why: "a stream from another epoch",
    code: "OUT_OF_RANGE",
    message: /another epoch/,
    method: "GET",
    path: `${stream}?after=8:2`,
  },
  {
    why: "a stream resumed from another epoch",
    code: "OUT_OF_RANGE",
    message: /another epoch/,
    method: "GET",
    path: stream,
    headers: { "last-event-id": "8:2" },
  },
  {
    why: "a stream resumed past the end",
    code: "OUT_OF_RANGE",
    message: /past the end/,
    method: "GET",
    path: stream,
    headers: { "last-event-id": "7:4" },
  },
  {
    why: "a stream resumed from no position",
    code: "MALFORMED_MESSAGE",
    message: /last-event-id "abc" is not a position/,
    method: "GET",
    path: stream,
    headers: { "last-event-id": "abc" },
  },
  {
    why: "a stream with after and history",
    code: "INVALID_MESSAGE",
    message: /exclude/,
    method: "GET",
    path: `${stream}?after=7:2&history=3`,
    fields: [""],
  },
  {
    why: "a stream with too much history",
    code: "INVALID_MESSAGE",
    message: /history/,
    method: "GET",
    path: `${stream}?history=1001`,
    fields: ["history"],
  },
  { why: "a stream as POST", code: "METHOD_NOT_ALLOWED", message: /GET, HEAD/, path: stream, body: good },
];

interface ErrorBody {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly retry?: boolean;
    readonly details: readonly Record<string, unknown>[];
  };
}

for (const { why, code, message, path = messages, method = "POST", body, headers, fields } of badRequests) {
  test(`${why} is ${code}`, async () => {
    const contentType = body === undefined ? {} : { "content-type": "application/json" };
    const response = await fetch(server.origin + path, {
      method,
      headers: { ...contentType, ...headers },
      ...(body !== undefined && { body }),
    });
    const { error } = (await response.json()) as ErrorBody;
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    assert.equal(response.status, errorKinds[code].http);
    assert.equal(response.headers.get("content-type"), "application/json");
    assert.equal(response.headers.get("cache-control"), "no-store");
    const [info, ...rest] = error.details;
    assert.deepEqual(info, { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: code, domain: "confab.v1" });
    const violations = rest.find((detail) => detail["@type"] === "type.googleapis.com/google.rpc.BadRequest");
    assert.deepEqual(fieldsOf(violations), fields ?? []);
    const range = rest.find((detail) => detail["@type"] === "type.googleapis.com/confab.v1.AvailableRange");
    if (code === "OUT_OF_RANGE")
      assert.deepEqual(
        [range?.["oldest"], range?.["newest"]],
        [
          { epoch: 7, offset: "2" },
          { epoch: 7, offset: "3" },
        ],
      );
    if (code === "METHOD_NOT_ALLOWED") assert.ok(response.headers.get("allow")?.includes("GET, HEAD"));
  });
}

function fieldsOf(detail: Record<string, unknown> | undefined): string[] {
  const violations = (detail?.["fieldViolations"] ?? []) as readonly { readonly field?: string }[];
  return violations.map(({ field }) => field ?? "");
}

test("nothing of all that was stored", () => {
  assert.equal(server.engine.state(roomIdFrom("lobby")).newest, 3);
});

test("an error that a wait may cure says how long in its header, in whole seconds", async () => {
  const own = await restTestServer();
  own.engine.appendError = new ConfabError("OVERLOADED", "too many sends wait", { retryAfterMs: 1_200 });
  const response = await fetch(own.origin + messages, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: good,
  });
  assert.equal(response.status, 503);
  assert.equal(response.headers.get("retry-after"), "2");
  await own.close();
});

test("a bug in the server is INTERNAL, is reported, and keeps its text from the client", async () => {
  const reported: unknown[] = [];
  const own = await restTestServer({ report: (error) => reported.push(error) });
  own.engine.appendError = new Error("secret");
  const response = await fetch(own.origin + messages, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: good,
  });
  assert.equal(response.status, 500);
  assert.doesNotMatch(await response.text(), /secret/);
  assert.deepEqual(
    reported.map((error) => error instanceof ConfabError && error.cause),
    [own.engine.appendError],
  );
  await own.close();
});

async function answerTo(port: number, text: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  let answer = "";
  socket.on("data", (chunk) => {
    answer += chunk.toString();
  });
  socket.write(text);
  await once(socket, "close");
  return answer;
}

const postHead = `POST ${messages} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n`;

test("a body that announces gigabytes is refused before it is sent", async () => {
  const answer = await answerTo(server.port, `${postHead}content-length: 4294967296\r\n\r\n`);
  assert.match(answer, /^HTTP\/1\.1 413 /);
  assert.match(answer, /PAYLOAD_TOO_LARGE/);
});

test("a body of no announced length is refused as soon as it is too long", async () => {
  const chunk = `1000\r\n${" ".repeat(4_096)}\r\n`;
  const answer = await answerTo(server.port, `${postHead}transfer-encoding: chunked\r\n\r\n${chunk.repeat(4)}`);
  assert.match(answer, /^HTTP\/1\.1 413 /);
});

test("a body that does not come whole in time is REQUEST_TIMEOUT", async () => {
  const own = await restTestServer({ bodyTimeouts: new ArrivalTimeouts(20) });
  const answer = await answerTo(own.port, `${postHead}content-length: 100\r\n\r\n{"user":`);
  assert.match(answer, /^HTTP\/1\.1 408 /);
  assert.match(answer, /REQUEST_TIMEOUT.*20 ms \(requestTimeoutMs\)/s);
  await own.close();
});
