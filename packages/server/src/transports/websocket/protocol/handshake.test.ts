import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ConfabError } from "@confab/contract/errors";
import type { RequestHead } from "../../../http/exchange.js";
import { refusalBytes } from "../../../http/h1/refusal.js";
import { answerHandshake } from "./handshake.js";

/** The example of RFC 6455 §1.2. */
const example: RequestHead = {
  method: "GET",
  target: "/chat",
  authority: "server.example.com",
  scheme: "http",
  httpVersion: 1,
  remoteAddress: "127.0.0.1",
  peer: { address: "127.0.0.1" },
  headers: {
    host: "server.example.com",
    upgrade: "websocket",
    connection: "Upgrade",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-version": "13",
  },
};

const withHeaders = (headers: Record<string, string>): RequestHead => ({
  ...example,
  headers: { ...example.headers, ...headers },
});
const none = () => undefined;
const responseOf = (request: RequestHead, choose: (offered: readonly string[]) => string | undefined = none) => {
  const result = answerHandshake(request, choose, ["chat"]);
  return (result.isAccepted ? result.responseBytes : refusalBytes({ ...result, json: "{}" })).toString();
};

test("the example of RFC 6455 gets the answer of RFC 6455", () => {
  const result = answerHandshake(example, none, []);
  assert.ok(result.isAccepted);
  assert.equal(result.subprotocol, undefined);
  assert.equal(
    result.responseBytes.toString(),
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
  );
});

test("header values are compared as HTTP says: lists, any case", () => {
  assert.match(
    responseOf(withHeaders({ upgrade: "h2c, WebSocket", connection: "keep-alive, upgrade" })),
    /^HTTP\/1.1 101/,
  );
});

test("an offered extension is not agreed on", () => {
  const response = responseOf(
    withHeaders({ "sec-websocket-extensions": "permessage-deflate; client_max_window_bits" }),
  );
  assert.match(response, /^HTTP\/1.1 101/);
  assert.doesNotMatch(response, /extensions/i);
});

test("the caller chooses among the offered subprotocols, in the client's order", () => {
  const offers: (readonly string[])[] = [];
  const request = withHeaders({ "sec-websocket-protocol": "confab.v1.proto , confab.v1.json" });
  const result = answerHandshake(
    request,
    (offered) => {
      offers.push(offered);
      return offered[1];
    },
    [],
  );
  assert.deepEqual(offers, [["confab.v1.proto", "confab.v1.json"]]);
  assert.ok(result.isAccepted);
  assert.equal(result.subprotocol, "confab.v1.json");
  assert.match(result.responseBytes.toString(), /\r\nSec-WebSocket-Protocol: confab.v1.json\r\n\r\n$/);
});

test("without an offer the caller is asked with an empty list", () => {
  const offers: (readonly string[])[] = [];
  responseOf(example, (offered) => void offers.push(offered));
  assert.deepEqual(offers, [[]]);
});

test("an offer that the caller takes nothing from is refused", () => {
  const result = answerHandshake(withHeaders({ "sec-websocket-protocol": "mqtt" }), none, ["chat"]);
  assert.ok(!result.isAccepted);
  assert.equal(result.error.code, "UNSUPPORTED_SUBPROTOCOL");
  assert.equal(result.status, 400);
});

describe("a handshake is refused", () => {
  const refusals: readonly [name: string, request: RequestHead, code: ConfabError["code"], response: RegExp][] = [
    [
      "that is not a GET",
      { ...example, method: "POST" },
      "METHOD_NOT_ALLOWED",
      /^HTTP\/1.1 405 [\s\S]*\r\nallow: GET\r\n/,
    ],
    [
      "without Upgrade",
      withHeaders({ upgrade: "h2c" }),
      "PROTOCOL_VIOLATION",
      /^HTTP\/1.1 426 [\s\S]*\r\nupgrade: websocket\r\n/,
    ],
    ["without Connection: Upgrade", withHeaders({ connection: "keep-alive" }), "PROTOCOL_VIOLATION", /^HTTP\/1.1 426 /],
    [
      "of an older version",
      withHeaders({ "sec-websocket-version": "8" }),
      "PROTOCOL_VIOLATION",
      /^HTTP\/1.1 426 [\s\S]*\r\nsec-websocket-version: 13\r\n/,
    ],
    ["of several versions", withHeaders({ "sec-websocket-version": "13, 8" }), "PROTOCOL_VIOLATION", /^HTTP\/1.1 426 /],
    [
      "with a key that is too short",
      withHeaders({ "sec-websocket-key": "c2hvcnQ=" }),
      "PROTOCOL_VIOLATION",
      /^HTTP\/1.1 400 /,
    ],
    [
      "with two keys",
      withHeaders({ "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==" }),
      "PROTOCOL_VIOLATION",
      /^HTTP\/1.1 400 /,
    ],
    ["without Host", { ...example, authority: "" }, "PROTOCOL_VIOLATION", /^HTTP\/1.1 400 /],
    [
      "that offers nothing between commas",
      withHeaders({ "sec-websocket-protocol": "a,,b" }),
      "PROTOCOL_VIOLATION",
      /^HTTP\/1.1 400 /,
    ],
    [
      "that offers what is no token",
      withHeaders({ "sec-websocket-protocol": "a b" }),
      "PROTOCOL_VIOLATION",
      /^HTTP\/1.1 400 /,
    ],
    [
      "that offers one twice",
      withHeaders({ "sec-websocket-protocol": "a, a" }),
      "PROTOCOL_VIOLATION",
      /^HTTP\/1.1 400 /,
    ],
  ];
  for (const [name, request, code, response] of refusals) {
    test(name, () => {
      const result = answerHandshake(request, (offered) => offered[0], []);
      assert.ok(!result.isAccepted);
      assert.equal(result.error.code, code);
      assert.match(refusalBytes({ ...result, json: "{}" }).toString(), response);
    });
  }
});
