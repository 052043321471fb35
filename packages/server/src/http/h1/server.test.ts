import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, describe, test } from "node:test";
import { type Http1TestServer, http1TestMaxHeaderBytes, http1TestServer } from "../../testing/http1-test-server.js";
import { ignoredBody } from "../read-body.js";

// Requests that are refused before they are handed over, and those that are handed over to be refused.

let server: Http1TestServer;
let targets: string[] = [];
let authorities: string[] = [];

before(async () => {
  server = await http1TestServer(
    (exchange) => {
      const { target, authority, refusal } = exchange.request;
      targets.push(target);
      authorities.push(authority);
      exchange.listen(ignoredBody);
      exchange.respond(refusal?.kind.http ?? 200, { "content-length": "0", connection: "close" });
      exchange.end();
    },
    { onUpgrade: (request, socket) => socket.end(`${request.refusal?.code ?? "upgraded"}`) },
  );
});
after(() => server.close());

/** Send some bytes, perhaps more once the first have been read, and read to the end. */
async function answerTo(...pieces: readonly string[]): Promise<string> {
  [targets, authorities] = [[], []];
  const socket = connect(server.port, "127.0.0.1").setNoDelay();
  let text = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => {
    text += chunk;
  });
  const closed = new Promise<void>((resolve, reject) => {
    socket.on("error", reject);
    socket.on("close", () => resolve());
  });
  for (const piece of pieces) await new Promise((resolve) => socket.write(piece, "latin1", resolve));
  await closed;
  return text;
}

const webSocket = "GET /chat HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n";
const refused: readonly (readonly [what: string, request: string, code: string])[] = [
  ["two Host headers", "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", "PROTOCOL_VIOLATION"],
  ["two equal Host headers", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", "PROTOCOL_VIOLATION"],
  ["no Host header", "GET / HTTP/1.1\r\n\r\n", "PROTOCOL_VIOLATION"],
  ["two Host headers in HTTP/1.0", "GET / HTTP/1.0\r\nhost: a\r\nhost: b\r\n\r\n", "PROTOCOL_VIOLATION"],
  ["a Host with a user", "GET / HTTP/1.1\r\nhost: a@b\r\n\r\n", "PROTOCOL_VIOLATION"],
  ["a Host with a path", "GET / HTTP/1.1\r\nhost: a/b\r\n\r\n", "PROTOCOL_VIOLATION"],
  ["an absolute target with a user", "GET http://u@b/ HTTP/1.1\r\nhost: a\r\n\r\n", "PROTOCOL_VIOLATION"],
  ["an absolute target without a host", "GET http:///x HTTP/1.1\r\nhost: a\r\n\r\n", "PROTOCOL_VIOLATION"],
  ["HTTP/0.9, as it was", "GET /\r\n\r\n", "PROTOCOL_VIOLATION"],
  ["HTTP/0.9, named", "GET / HTTP/0.9\r\n\r\n", "PROTOCOL_VIOLATION"],
  ["HTTP/2 in HTTP/1.1's form", "GET / HTTP/2.0\r\nhost: a\r\n\r\n", "PROTOCOL_VIOLATION"],
  ["an unknown version", "GET / HTTP/1.7\r\nhost: a\r\n\r\n", "MALFORMED_MESSAGE"],
  ["a folded header", "GET / HTTP/1.1\r\nhost: a\r\nx: a\r\n b\r\n\r\n", "MALFORMED_MESSAGE"],
  ["a space before the colon", "GET / HTTP/1.1\r\nhost : a\r\n\r\n", "MALFORMED_MESSAGE"],
  ["lines that end in LF alone", "GET / HTTP/1.1\nhost: a\n\n", "MALFORMED_MESSAGE"],
  ["a CR within a value", "GET / HTTP/1.1\r\nhost: a\r\nx: a\rb\r\n\r\n", "MALFORMED_MESSAGE"],
  [
    "a length and chunks",
    "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "MALFORMED_MESSAGE",
  ],
  [
    "chunks and a length",
    "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
    "MALFORMED_MESSAGE",
  ],
  [
    "two lengths",
    "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
    "MALFORMED_MESSAGE",
  ],
  ["a length with a sign", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +5\r\n\r\nhello", "MALFORMED_MESSAGE"],
  [
    "a transfer coding that is not chunked",
    "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    "PROTOCOL_VIOLATION",
  ],
  [
    "a transfer coding besides chunked",
    "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "PROTOCOL_VIOLATION",
  ],
  ["chunks in HTTP/1.0", "POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "PROTOCOL_VIOLATION"],
  ["CONNECT", "CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n", "METHOD_NOT_ALLOWED"],
  ["a WebSocket with a length", `${webSocket}content-length: 3\r\n\r\nabc`, "PROTOCOL_VIOLATION"],
  ["a WebSocket with chunks", `${webSocket}transfer-encoding: chunked\r\n\r\n0\r\n\r\n`, "PROTOCOL_VIOLATION"],
  ["a WebSocket with two Host headers", `${webSocket}host: y\r\n\r\n`, "PROTOCOL_VIOLATION"],
  ["a WebSocket over HTTP/1.0", `${webSocket.replace("1.1", "1.0")}\r\n`, "PROTOCOL_VIOLATION"],
];
for (const [what, request, code] of refused) {
  test(`a request with ${what} is answered with ${code}, and its connection ends`, async () => {
    const answer = await answerTo(request);
    assert.match(answer, new RegExp(`^HTTP/1.1 40[05] [\\s\\S]*\\r\\nconnection: close\\r\\n[\\s\\S]*${code}`, "i"));
    assert.deepEqual(targets, []);
  });
}

// Node looks every 30 seconds by itself: with a limit of a second the connection was open for half a minute.
for (const [absolute, target] of [
  ["http://b.example:81/x?y=1", "/x?y=1"],
  ["HTTP://b.example:81", "/"],
  ["https://b.example:81?q", "/?q"],
] as const) {
  test(`the target ${absolute} names the host and the path`, async () => {
    assert.match(await answerTo(`GET ${absolute} HTTP/1.1\r\nhost: a\r\n\r\n`), /^HTTP\/1\.1 200/);
    assert.deepEqual([targets, authorities], [[target], ["b.example:81"]]);
  });
}

test("headers that do not arrive whole in time are answered with REQUEST_TIMEOUT soon after", {
  timeout: 10_000,
}, async () => {
  const impatient = await http1TestServer(() => assert.fail("the request is not whole"), { requestTimeoutMs: 200 });
  try {
    const socket = connect(impatient.port, "127.0.0.1");
    socket.write("GET / HTTP/1.1\r\nhost: a\r\nx: ");
    let text = "";
    for await (const chunk of socket.setEncoding("latin1")) text += chunk;
    assert.match(text, /^HTTP\/1.1 408 [\s\S]*REQUEST_TIMEOUT/);
  } finally {
    await impatient.close();
  }
});

for (const [what, request] of [
  ["one Host header", "GET / HTTP/1.1\r\nhost: [::1]:8080\r\n\r\n"],
  ["an empty Host", "GET / HTTP/1.1\r\nhost:\r\n\r\n"],
  ["no Host in HTTP/1.0", "GET / HTTP/1.0\r\n\r\n"],
  ["chunks", "POST / HTTP/1.1\r\nhost: a\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n"],
] as const) {
  test(`a request with ${what} is served`, async () => {
    assert.match(await answerTo(request), /^HTTP\/1.1 200 /);
    assert.deepEqual(targets, ["/"]);
  });
}

describe("headers of exactly maxHeaderBytes are served, with 32 bytes counted for each field, and above", () => {
  const fixed = "/".length + 32 + "host".length + "a".length + 32;
  const filledTo = (bytes: number) => `GET / HTTP/1.1\r\nhost: a\r\nx: ${"y".repeat(bytes - fixed - 33)}\r\n\r\n`;
  const manyFields = (count: number) => `GET / HTTP/1.1\r\nhost: a\r\n${"a:\r\n".repeat(count)}\r\n`;
  const mostFields = Math.floor((http1TestMaxHeaderBytes - fixed) / 33);
  for (const [what, request, status] of [
    ["at the limit", filledTo(http1TestMaxHeaderBytes), 200],
    ["above it", filledTo(http1TestMaxHeaderBytes + 1), 431],
    ["as many fields as fit", manyFields(mostFields), 200],
    ["one field more", manyFields(mostFields + 1), 431],
    ["far more fields", manyFields(mostFields * 20), 431],
  ] as const) {
    test(`${what}: handed over, and answered with ${status}`, async () => {
      assert.match(await answerTo(request), new RegExp(`^HTTP/1.1 ${status} `));
      assert.deepEqual(targets, ["/"]);
    });
  }

  test("an upgrade with larger headers is handed over with its refusal", async () => {
    assert.equal(await answerTo(`${webSocket}x: ${"y".repeat(http1TestMaxHeaderBytes)}\r\n\r\n`), "HEADERS_TOO_LARGE");
  });

  test("past four times the limit the connection ends, and its client reads why although it goes on sending", async () => {
    const line = `x: ${"y".repeat(1_000)}\r\n`;
    const answer = await answerTo("GET / HTTP/1.1\r\nhost: a\r\n", ...Array<string>(1_000).fill(line));
    assert.match(answer, /^HTTP\/1.1 431 [\s\S]*HEADERS_TOO_LARGE/);
    assert.deepEqual(targets, []);
  });
});
