import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { create, type MessageInitShape, toBinary, toJsonString } from "@bufbuild/protobuf";
import { enveloped } from "@confab/contract";
import { ClientFrameSchema, type ServerFrame } from "@confab/contract/gen/confab/v1/frame_pb";
import { SignalSchema } from "@confab/contract/gen/confab/v1/room_pb";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import {
  codeFromTrailers,
  frameWithoutDetails,
  grpcCall,
  type Outcome,
  overWebSocket,
  reasonFrom,
} from "./raw-clients.js";

// Signals on every transport that takes them: what is refused, and when there are too many, is the same on all.

type SignalInit = MessageInitShape<typeof SignalSchema> & { readonly room: string };

interface RawSignaller {
  readonly name: string;
  signal(url: string, signal: SignalInit): Promise<Outcome>;
}

const told: Outcome = "told";
const sendSignalPath = "/confab.v1.ChatService/SendSignal";
const binary = (signal: SignalInit) => toBinary(SignalSchema, create(SignalSchema, signal));
const json = (signal: SignalInit) => toJsonString(SignalSchema, create(SignalSchema, signal));
const frame = (signal: SignalInit) =>
  create(ClientFrameSchema, { request: 1, frame: { case: "signal", value: create(SignalSchema, signal) } });

const rawSignallers: readonly RawSignaller[] = [
  {
    name: "gRPC",
    signal: async (url, signal) => {
      const { trailers } = await grpcCall(url, sendSignalPath, "application/grpc", enveloped(0, binary(signal)));
      return outcomeOfCode(codeFromTrailers(trailers));
    },
  },
  {
    name: "Connect",
    signal: async (url, signal) => {
      const response = await post(url + sendSignalPath, json(signal));
      if (response.ok) return told;
      return reasonFrom(((await response.json()) as { details: unknown }).details) ?? "no reason";
    },
  },
  {
    name: "REST",
    signal: async (url, signal) => {
      const response = await post(`${url}/v1/rooms/${signal.room}/signals`, json(signal));
      if (response.ok) return told;
      const { error } = (await response.json()) as { error: { code: string } };
      if (error.code === "RATE_LIMITED") {
        assert.deepEqual([response.status, response.headers.get("retry-after")], [429, "1"]);
      }
      return error.code;
    },
  },
  {
    name: "WebSocket, Protobuf frames",
    signal: (url, signal) => overFrames(url, "confab.v1.proto", toBinary(ClientFrameSchema, frame(signal))),
  },
  {
    name: "WebSocket, JSON frames",
    signal: (url, signal) =>
      overFrames(url, "confab.v1.json", Buffer.from(toJsonString(ClientFrameSchema, frame(signal)))),
  },
  {
    name: "Converse",
    signal: async (url, signal) => {
      let outcome: Outcome | undefined;
      await grpcCall(
        url,
        "/confab.v1.ChatService/Converse",
        "application/grpc",
        enveloped(0, toBinary(ClientFrameSchema, frame(signal))),
        (message) => {
          outcome = outcomeOfFrame(frameWithoutDetails(Buffer.from(message), true));
          return outcome !== undefined;
        },
      );
      return outcome ?? "no answer";
    },
  },
];

function post(url: string, body: string): Promise<Response> {
  return fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
}

function overFrames(url: string, subprotocol: string, bytes: Uint8Array): Promise<Outcome> {
  const isText = subprotocol === "confab.v1.json";
  return overWebSocket(`${url.replace("http", "ws")}/chat`, [subprotocol], bytes, isText, (data, isBinary) =>
    outcomeOfFrame(frameWithoutDetails(data, isBinary)),
  );
}

function outcomeOfFrame({ frame: answer }: ServerFrame): Outcome | undefined {
  if (answer.case === "done") return told;
  return answer.case === "error" ? answer.value.code : undefined;
}

function outcomeOfCode(code: string): Outcome {
  return code === "stored" ? told : code;
}

describe("a signal", () => {
  let server: ServerProcess;
  before(async () => {
    server = await startServerProcess({ flags: { limits: { maxSignalsPerSecond: 1 } } });
  });
  after(() => server.stop());

  for (const { name, signal } of rawSignallers) {
    it(`over ${name} is taken, and refused for what it says`, async () => {
      const user = `first, ${name}`;
      assert.equal(await signal(server.url, { user, room: "hall", kind: "typing" }), told);
      assert.equal(await signal(server.url, { user, room: "hall", kind: "Typing" }), "INVALID_MESSAGE");
      for (const bad of ["", " ", "\u200b", "ann\u202e"])
        assert.equal(await signal(server.url, { user: bad, room: "hall", kind: "typing" }), "INVALID_MESSAGE");
    });

    it(`over ${name} is RATE_LIMITED past maxSignalsPerSecond, on whichever transport the others came`, async () => {
      for (const other of rawSignallers) {
        const user = `${other.name}, then ${name}`;
        // A machine that is held up for a second between the two has given the sender another one.
        let outcome = told;
        for (let tries = 0; outcome === told && tries < 20; tries++) {
          await other.signal(server.url, { user, room: "hall", kind: "typing" });
          outcome = await signal(server.url, { user, room: "hall", kind: "read" });
        }
        assert.equal(outcome, "RATE_LIMITED");
        assert.equal(await signal(server.url, { user, room: "elsewhere", kind: "read" }), told);
      }
    });
  }
});
