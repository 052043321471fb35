import assert from "node:assert/strict";
import { test } from "node:test";
import { connect as connectInNode, openLink as openLinkInNode } from "../node.js";
import { openLink } from "../open-link.js";
import { Client } from "./client.js";
import { connect } from "./connect.js";
import { FakeServer } from "./testing/fake-server.js";

// Plain JavaScript has no types: what is wrong must be told at once, with the option's name, and never end the process or be
// tried again and again.

const url = "http://127.0.0.1:1";
const transports = "websocket-proto, websocket-json, websocket-plain, grpc, grpc-web, connect, sse";

/** A call as a program without types makes it. */
type Untyped = (...args: unknown[]) => unknown;

const wrongOptions: readonly (readonly [options: unknown, message: string])[] = [
  [undefined, "connect must be an object, got undefined"],
  [{ url: 8080 }, "url must be a string, got 8080"],
  [{ url: "localhost" }, 'url: "localhost" is not a URL'],
  [{ url: "ftp://a" }, 'url: "ftp://a" begins with neither http:// nor https://'],
  [{ url, transport: "websocket" }, `connect: transport must be one of auto, ${transports}, got "websocket"`],
  [{ url, token: "secret" }, "connect: token must be a function, got a string"],
  [{ url, user: 7 }, "connect: user must be a string, got 7"],
  [{ url, attemptTimeoutMs: 0 }, "connect: attemptTimeoutMs must be a number of at least 1, got 0"],
  [{ url, idleCheckMs: Number.NaN }, "connect: idleCheckMs must be a number of at least 1, got NaN"],
  [{ url, tokenTimeoutMs: "10s" }, 'connect: tokenTimeoutMs must be a number of at least 1, got "10s"'],
  [{ url, maxQueuedSends: 1.5 }, "connect: maxQueuedSends must be a whole number of at least 1, got 1.5"],
  [{ url, maxQueuedBytes: -1 }, "connect: maxQueuedBytes must be a whole number of at least 1, got -1"],
  [{ url, reconnect: true }, "connect: reconnect must be an object, got true"],
  [
    { url, reconnect: { maxAttempts: -1 } },
    "connect: reconnect: maxAttempts must be a whole number of at least 0, got -1",
  ],
  [{ url, reconnect: { maxDelayMs: "1" } }, 'connect: reconnect: maxDelayMs must be a number of at least 0, got "1"'],
  [{ url, signal: new AbortController() }, "connect: signal must be an AbortSignal, got [object AbortController]"],
  [{ url, types: {} }, "connect: types must be an object with toJson and fromJson, got [object Object]"],
  [{ url, random: 0.5 }, "connect: random must be a function, got 0.5"],
  [{ url, clock: Date }, "connect: clock must be an object with nowMs, unixMs and after, got a function"],
];

for (const [options, message] of wrongOptions) {
  test(`connect refuses ${JSON.stringify(options)}: ${message}`, () => {
    for (const connectTo of [connect, connectInNode] as Untyped[])
      assert.throws(() => connectTo(options), { name: "TypeError", message });
  });
}

test("certificates are strings", () => {
  const message = "connect: ca must be certificates in PEM: a string or a list of strings, got 7";
  assert.throws(() => (connectInNode as Untyped)({ url, ca: 7 }), { name: "TypeError", message });
});

const wrongHeaders: readonly (readonly [headers: unknown, message: string])[] = [
  ["a", "headers must be an object of names and values, got a string"],
  [[["cookie", "a"]], "headers must be an object of names and values, got a object"],
  [{ "a b": "x" }, 'headers: "a b" is not the name of a header'],
  [{ ":path": "/" }, 'headers: ":path" is not the name of a header'],
  [{ Authorization: "Bearer secret" }, "headers: authorization is set by the client"],
  [{ "Content-Type": "text/plain" }, "headers: content-type is set by the client"],
  [{ "grpc-timeout": "1m" }, "headers: grpc-timeout is set by the client"],
  [{ cookie: 7 }, "headers: cookie must be a string, got a number"],
  [{ cookie: "a\r\nx: secret" }, "headers: cookie has a control character, or one that is not of Latin-1"],
  [{ cookie: "\u2020" }, "headers: cookie has a control character, or one that is not of Latin-1"],
];

for (const [headers, message] of wrongHeaders)
  test(`connect and openLink refuse the headers ${JSON.stringify(headers)}`, () => {
    for (const open of [
      () => (connectInNode as Untyped)({ url, headers }),
      ...["sse", "websocket-proto", "grpc"].map(
        (transport) => () => (openLinkInNode as Untyped)(transport, { url, headers }),
      ),
    ])
      assert.throws(open, { name: "TypeError", message });
  });

test("a link refuses an unknown transport", () => {
  const message = `transport must be one of ${transports}, got "websocket"`;
  const platform = { fetch: () => Promise.reject(), makeSocket: () => assert.fail() };
  assert.throws(() => (openLink as Untyped)("websocket", { url }, platform), { name: "TypeError", message });
  assert.throws(() => (openLinkInNode as Untyped)("websocket", { url }), { name: "TypeError", message });
});

const bounds = "a number of at least 1";
const wrongCalls: readonly (readonly [name: string, args: unknown[], message: string])[] = [
  ["send", [7], "send: message must be an object, got 7"],
  ["send", [{ text: 7 }], "send: message: text must be a string, got 7"],
  [
    "send",
    [{ payload: "x" }],
    'send: message: payload must be an object with typeUrl, and value (a Uint8Array) or json, got "x"',
  ],
  ["send", ["hi", { id: 7 }], "send: id must be a string, got 7"],
  ["send", ["hi", { timeoutMs: "5" }], `send: timeoutMs must be ${bounds}, got "5"`],
  ["send", ["hi", { signal: true }], "send: signal must be an AbortSignal, got true"],
  ["send", ["hi", null], "send must be an object, got null"],
  ["messages", [{ history: 1_001 }], "messages: history must be a whole number from 0 to 1000, got 1001"],
  ["messages", [{ after: 7 }], "messages: after must be a string, got 7"],
  ["messages", [{ onGap: "skip" }], 'messages: onGap must be one of fail, oldest, newest, got "skip"'],
  ["subscribe", [{}], "subscribe: handler must be a function, got [object Object]"],
  ["subscribe", [() => undefined, { onSignal: 1 }], "subscribe: onSignal must be a function, got 1"],
  ["signals", [{ user: 1 }], "signals: user must be a string, got 1"],
  ["presence", [{ signal: 1 }], "presence: signal must be an AbortSignal, got 1"],
  ["history", [{ limit: 0 }], "history: limit must be a whole number from 1 to 1000, got 0"],
  ["history", [{}, { timeoutMs: -5 }], `history: timeoutMs must be ${bounds}, got -5`],
  ["members", [{ page: 1 }], "members: page must be a string, got 1"],
  ["signal", ["typing"], 'signal must be an object, got "typing"'],
  ["signal", [{ kind: 1 }], "signal: kind must be a string, got 1"],
  ["typing", [{ timeoutMs: null }], `signal: timeoutMs must be ${bounds}, got null`],
];

for (const [name, args, message] of wrongCalls) {
  test(`${name} refuses what it cannot use: ${message}`, async () => {
    const server = new FakeServer();
    const platform = { transports: ["websocket-proto"] as const, openLink: server.openLink.bind(server) };
    const client = new Client({ url, user: "ann" }, platform);
    const room = client.room("r") as unknown as Record<string, Untyped>;
    // What gives a promise rejects, and what gives something else throws.
    await assert.rejects(async () => room[name]?.(...args), { name: "TypeError", message });
    assert.deepEqual([server.sends, server.listens], [[], []]);
    client.close();
  });
}

test("a client's own calls refuse what they cannot use", async () => {
  const server = new FakeServer();
  const client = new Client({ url }, { transports: ["sse"], openLink: server.openLink.bind(server) });
  await assert.rejects((client.rooms as Untyped).call(client, { limit: 5_000 }) as Promise<unknown>, {
    name: "TypeError",
    message: "rooms: limit must be a whole number from 1 to 1000, got 5000",
  });
  assert.throws(() => (client.room as Untyped).call(client, 7), {
    name: "TypeError",
    message: "room: name must be a string, got 7",
  });
  assert.equal(client.room("").name, "lobby");
  client.close();
});
