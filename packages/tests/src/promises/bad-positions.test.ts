import assert from "node:assert/strict";
import { get as getHttp } from "node:http";
import { get as getHttps } from "node:https";
import { after, before, describe, it } from "node:test";
import { enveloped } from "@confab/contract";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { codeFromTrailers, frameWithoutDetails, grpcCall, type Outcome, overWebSocket } from "../parity/raw-clients.js";
import { rawReaders } from "../parity/raw-readers.js";
import { Speaker } from "./speaker.js";

const room = "lobby";

/** Ways whose position is text, which is no position at all when a part of it is out of its range. */
const ofText = ["SSE by query", "SSE by Last-Event-ID", "GetHistory by REST", "WebSocket, plain"];

describe("an impossible position", () => {
  let server: ServerProcess;
  let epoch: number;
  before(async () => {
    server = await startServerProcess();
    epoch = await new Speaker(server.url, room).say();
  });
  after(() => server.stop());

  const typed: readonly (readonly [
    what: string,
    position: () => { epoch: number; offset: number },
    code: string,
    textCode: string,
  ])[] = [
    ["in the future", () => ({ epoch, offset: 2 }), "OUT_OF_RANGE", "OUT_OF_RANGE"],
    ["with the last offset there is", () => ({ epoch, offset: 2 ** 53 - 1 }), "OUT_OF_RANGE", "OUT_OF_RANGE"],
    ["with an offset past the last", () => ({ epoch, offset: 2 ** 53 }), "INVALID_MESSAGE", "MALFORMED_MESSAGE"],
    ["with an epoch of nobody's", () => ({ epoch: (epoch ^ 0x5555) >>> 0, offset: 0 }), "OUT_OF_RANGE", "OUT_OF_RANGE"],
    ["without an epoch", () => ({ epoch: 0, offset: 1 }), "OUT_OF_RANGE", "MALFORMED_MESSAGE"],
  ];
  for (const [what, position, code, textCode] of typed) {
    it(`${what} is answered with ${code} on every transport, or ${textCode} where it is text`, async () => {
      const outcomes = await Promise.all(
        rawReaders.map(async ({ name, readFrom }) => [name, await readFrom(server.url, room, position())]),
      );
      const expected = rawReaders.map(({ name }) => [name, ofText.includes(name) ? textCode : code]);
      assert.deepEqual(Object.fromEntries(outcomes), Object.fromEntries(expected));
    });
  }

  const garbled = [
    "yesterday",
    ":",
    "1",
    "1:",
    ":1",
    "-1:1",
    "1:-1",
    "+1:1",
    "1:1:1",
    "1.5:1",
    "1e3:1",
    "0x1:1",
    "01:1",
    "1:01",
    "1: 1",
    "1;1",
    "NaN:NaN",
    "4294967296:1",
    "1:9007199254740992",
    `1:${"1".repeat(4_000)}`,
    "null",
    '{"epoch":1,"offset":"1"}',
    "%",
    "ö:1",
  ];
  it("that is no position is MALFORMED_MESSAGE wherever a position is text", async () => {
    for (const text of garbled) {
      const quoted = encodeURIComponent(text);
      const stream = `${server.url}/v1/rooms/${room}/stream`;
      const messages = `${server.url}/v1/rooms/${room}/messages`;
      const outcomes = {
        "SSE by query": await codeOf(`${stream}?after=${quoted}`),
        "SSE by Last-Event-ID": await codeOf(stream, { "last-event-id": text }),
        "SSE by both": await codeOf(`${stream}?after=${epoch}:0`, { "last-event-id": text }),
        "history after": await codeOf(`${messages}?after=${quoted}`),
        "history before": await codeOf(`${messages}?before=${quoted}`),
        "WebSocket, plain": await plainCode(`${server.url.replace("http", "ws")}/chat?after=${quoted}`),
      };
      for (const [way, code] of Object.entries(outcomes)) assert.equal(code, "MALFORMED_MESSAGE", `${text}, ${way}`);
    }
  });

  /** A `User` whose `after` is broken, in the two formats. */
  const broken: readonly (readonly [what: string, format: "proto" | "json", user: Buffer])[] = [
    ["cut off", "proto", Buffer.from([0x1a, 0x04, 0x0d, 0x01])],
    ["longer than what holds it", "proto", Buffer.from([0x1a, 0x7f, 0x0d, 0x01, 0x00, 0x00, 0x00])],
    ["text for a number", "json", Buffer.from('{"after":{"epoch":"one","offset":"1"}}')],
    ["a fraction", "json", Buffer.from('{"after":{"epoch":1,"offset":"1.5"}}')],
    ["negative", "json", Buffer.from('{"after":{"epoch":1,"offset":"-1"}}')],
    ["more than 64 bits", "json", Buffer.from('{"after":{"epoch":1,"offset":"99999999999999999999"}}')],
    ["the text form where an object is due", "json", Buffer.from('{"after":"1:1"}')],
  ];
  for (const [what, format, user] of broken) {
    it(`that is ${what} is MALFORMED_MESSAGE in a request and in a frame`, async () => {
      assert.equal(await grpcCode(server.url, "StreamMessages", format, user), "MALFORMED_MESSAGE", "gRPC");
      const frame = subscribeFrame(format, user);
      assert.equal(await grpcCode(server.url, "Converse", format, frame), "MALFORMED_MESSAGE", "Converse");
      const outcome = await overWebSocket(
        `${server.url.replace("http", "ws")}/chat`,
        [`confab.v1.${format}`],
        frame,
        format === "json",
        errorIn,
      );
      assert.equal(outcome, "MALFORMED_MESSAGE", "WebSocket");
    });
  }
});

function errorIn(data: Buffer, isBinary: boolean): Outcome | undefined {
  const { frame } = frameWithoutDetails(data, isBinary);
  return frame.case === "error" ? frame.value.code : undefined;
}

/** `ClientFrame { request: 1, subscribe: { reader: … } }` around bytes that need not be a reader. */
function subscribeFrame(format: "proto" | "json", user: Buffer): Buffer {
  if (format === "json")
    return Buffer.concat([Buffer.from('{"request":1,"subscribe":{"reader":'), user, Buffer.from("}}")]);
  return Buffer.concat([Buffer.from([0x08, 0x01, 0x12, user.length + 2, 0x0a, user.length]), user]);
}

async function grpcCode(url: string, method: string, format: string, message: Uint8Array): Promise<Outcome> {
  let inFrame: Outcome | undefined;
  const { trailers } = await grpcCall(
    url,
    `/confab.v1.ChatService/${method}`,
    `application/grpc+${format}`,
    enveloped(0, message),
    (answer) => {
      inFrame ??= errorIn(Buffer.from(answer), format === "proto");
      return inFrame !== undefined;
    },
  );
  return inFrame ?? codeFromTrailers(trailers);
}

/** The code of a refusal. Not by `fetch`, which sends no header with a character beyond Latin-1. */
function codeOf(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const get = url.startsWith("https:") ? getHttps : getHttp;
    const request = get(url, { headers, agent: false }, (response) => {
      if (response.statusCode === 200) {
        request.destroy();
        resolve("taken");
        return;
      }
      let body = "";
      response.on("data", (chunk) => {
        body += chunk;
      });
      response.on("end", () => resolve((JSON.parse(body) as { error: { code: string } }).error.code));
    });
    request.on("error", reject);
  });
}

function plainCode(address: string): Promise<Outcome> {
  return overWebSocket(
    address,
    [],
    undefined,
    true,
    (data) => (JSON.parse(data.toString()) as { error?: { code: string } }).error?.code,
  );
}
