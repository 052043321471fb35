import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { ConfabError, PayloadTypes } from "@confab/contract";
import { ClientFrameSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import { UserSchema } from "@confab/contract/gen/confab/v1/message_pb";
// By path: what is fuzzed here is nobody's interface, and a whole server around it would hide most of its states.
import { ArrivalTimeouts } from "../../../server/dist/http/arrival-timeouts.js";
import { ConnectionError } from "../../../server/dist/http/h2/frame.js";
import { FrameReader } from "../../../server/dist/http/h2/frame-reader.js";
import { HpackDecoder } from "../../../server/dist/http/h2/hpack/decoder.js";
import { protocolOf } from "../../../server/dist/http/preface.js";
import { proxyHeaderFrom } from "../../../server/dist/http/proxy-protocol/header.js";
import { unrestricted } from "../../../server/dist/service/index.js";
import { checkNewMessage } from "../../../server/dist/service/operations/send.js";
import { decodeSentMessage } from "../../../server/dist/service/sent-message.js";
import { decodeMessage, type WireFormat } from "../../../server/dist/service/wire-format.js";
import { FakeExchange } from "../../../server/dist/testing/fake-exchange.js";
import { testService } from "../../../server/dist/testing/test-service.js";
import { createRestHandler } from "../../../server/dist/transports/rest/adapter.js";
import { Base64Reader } from "../../../server/dist/transports/rpc/grpc-web/wire.js";
import { createSseHandler } from "../../../server/dist/transports/sse/adapter.js";
import { recordFrames } from "../../../server/dist/transports/websocket/protocol/testing/recorded-frames.js";
import { type DecodeResult, fuzz } from "./fuzz.js";

const noTypes = PayloadTypes.none();

function refusedBy(decode: () => unknown): DecodeResult {
  try {
    return { taken: decode() };
  } catch (thrown) {
    assert.ok(thrown instanceof ConfabError, String(thrown));
    assert.notEqual(thrown.code, "INTERNAL");
    return { refused: thrown.code };
  }
}

fuzz({
  name: "websocket-frames",
  decode: (chunks) => {
    const events = recordFrames(chunks, 1_000);
    const last = events.at(-1);
    return last?.[0] === "failed" ? { refused: JSON.stringify(events) } : { taken: events };
  },
});

for (const format of ["proto", "json"] as const satisfies readonly WireFormat[]) {
  fuzz({
    name: `client-frame-${format}`,
    decode: (chunks) =>
      refusedBy(() => {
        const frame = decodeMessage(ClientFrameSchema, format, Buffer.concat(chunks), noTypes);
        return frame.frame.case;
      }),
  });

  fuzz({
    name: `new-message-${format}`,
    decode: (chunks) =>
      refusedBy(() => checkNewMessage(decodeSentMessage(format, Buffer.concat(chunks), noTypes), noTypes)),
  });
}

fuzz({
  name: "proxy-headers",
  decode: (chunks) => {
    let known = Buffer.alloc(0);
    for (const chunk of chunks) {
      known = Buffer.concat([known, chunk]);
      const header = proxyHeaderFrom(known);
      if (header === undefined) continue;
      if ("fault" in header) return { refused: "fault" };
      assert.ok(header.length <= known.length);
      return { taken: header };
    }
    return { refused: "it is not whole" };
  },
});

fuzz({
  name: "preface",
  decode: (chunks) => {
    let known = Buffer.alloc(0);
    let verdict: string | undefined;
    for (const chunk of chunks) {
      known = Buffer.concat([known, chunk]);
      const now = protocolOf(known);
      if (verdict !== undefined) assert.equal(now, verdict, "more bytes change nothing");
      verdict = now;
    }
    return verdict === undefined ? { refused: "not known yet" } : { taken: verdict };
  },
});

fuzz({
  name: "http2-frames",
  decode: (chunks) => {
    const frames: unknown[] = [];
    const reader = new FrameReader(
      {
        isReading: true,
        frame: (type, flags, streamId, bytes, start, end) =>
          frames.push([type, flags, streamId, bytes.toString("hex", start, end)]),
      },
      16_384,
    );
    try {
      for (const chunk of chunks) reader.push(Buffer.from(chunk));
      return { taken: frames };
    } catch (thrown) {
      assert.ok(thrown instanceof ConnectionError, String(thrown));
      return { refused: `${thrown.code} after ${JSON.stringify(frames)}` };
    }
  },
});

fuzz({
  name: "hpack",
  decode: (chunks) => {
    const block = Buffer.concat(chunks);
    // Within other bytes: nothing before or after the block may matter.
    const bytes = Buffer.concat([Buffer.from([0x82]), block, Buffer.from([0x84, 0xff])]);
    const decoder = new HpackDecoder(4_000);
    try {
      const fields = decoder.decode(bytes, 1, 1 + block.length).map(({ name, value }) => [name, value]);
      return { taken: [fields, decoder.isListTooLarge] };
    } catch (thrown) {
      assert.ok(thrown instanceof ConnectionError, String(thrown));
      return { refused: `${thrown.code}` };
    }
  },
});

fuzz({
  name: "grpc-web-base64",
  decode: (chunks) => {
    const reader = new Base64Reader();
    const decoded: Uint8Array[] = [];
    for (const chunk of chunks) {
      const bytes = reader.push(chunk);
      if (!bytes) return { refused: "not base64" };
      decoded.push(bytes);
    }
    return { taken: [Buffer.concat(decoded).toString("hex"), reader.isAtBoundary] };
  },
});

/** The code in a plain HTTP answer, or that it was taken. A bug of ours is no refusal. */
function outcomeOf({ status, written }: FakeExchange): DecodeResult {
  assert.ok(status !== undefined && status !== 500, Buffer.concat(written).toString());
  return status < 400 ? { taken: status } : { refused: `${status} ${Buffer.concat(written).toString()}` };
}

async function answered(exchange: FakeExchange): Promise<DecodeResult> {
  // What is compressed unfolds on another thread, and takes as long as it takes: everything is answered, or hangs here.
  while (exchange.status === undefined) await new Promise(setImmediate);
  // A stream has no end of its own.
  exchange.listener.aborted();
  return outcomeOf(exchange);
}

const arrivals = new ArrivalTimeouts(60_000);

fuzz({
  name: "rest",
  cost: 3,
  decode: async (chunks) => {
    // `VERB target`, a line break, and the body.
    const bytes = Buffer.concat(chunks);
    const at = bytes.indexOf("\n");
    const head = bytes.toString("latin1", 0, at < 0 ? bytes.length : at);
    const [method = "GET", target = "/"] = head.split(" ", 2);
    const { service, say } = testService();
    await say("hall", "one", "two");
    const sse = createSseHandler({ service });
    const handle = createRestHandler({ service, openStream: sse.openStream, bodyTimeouts: arrivals });
    const exchange = new FakeExchange({ method, target, headers: { "content-type": "application/json" } });
    handle(exchange, unrestricted);
    if (at >= 0) {
      let skipped = 0;
      for (const chunk of chunks) {
        // The body in the same chunks, without what belongs to the head.
        const rest = chunk.subarray(Math.max(0, Math.min(chunk.length, at + 1 - skipped)));
        skipped += chunk.length;
        if (rest.length > 0) exchange.listener.data(rest);
      }
    }
    exchange.listener.ended();
    const result = await answered(exchange);
    sse.close();
    return result;
  },
});

fuzz({
  name: "last-event-id",
  cost: 3,
  decode: async (chunks) => {
    const { service, say } = testService();
    await say("hall", "one", "two");
    const sse = createSseHandler({ service });
    const text = Buffer.concat(chunks).toString("latin1");
    const exchange = new FakeExchange({ method: "GET", headers: { "last-event-id": text } });
    sse.openStream(exchange, unrestricted, () => create(UserSchema, { room: "hall" }));
    const result = await answered(exchange);
    sse.close();
    return result;
  },
});
