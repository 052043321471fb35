import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary, toJson } from "@bufbuild/protobuf";
import { anyPack, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { EnvelopeReader, encodeBody, messageJson, PayloadTypes, type StoredMessage } from "@confab/contract";
import { ServerFrameSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import { type ChatMessage, ChatMessageSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { GetHistoryResponseSchema } from "@confab/contract/gen/confab/v1/room_pb";
import { ErrorInfoSchema } from "@confab/contract/gen/google/rpc/error_details_pb";
import { forEachSeed, type Random } from "@confab/contract/testing/random";
import { type LogEntry, Run } from "../core/index.js";
import { lobby } from "../testing/test-hub.js";
import { JsonBatches, JsonMessages, ProtoBatches, ProtoMessages } from "./encodings.js";
import { envelopeFraming } from "./framing.js";
import { encodeHistory } from "./history.js";
import { MessageJson } from "./message-json.js";

const types = PayloadTypes.none();
const json = new MessageJson(types);
const epoch = 4_000_000_001;

interface Sample {
  readonly run: Run;
  /** The same as generated messages. */
  readonly messages: readonly ChatMessage[];
}

function sample(random: Random, count: number): Sample {
  const entries: LogEntry[] = [];
  const messages: ChatMessage[] = [];
  const first = random.pick([1, 127, 2 ** 31, 2 ** 40]);
  for (let i = 0; i < count; i++) {
    const info = create(ErrorInfoSchema, { reason: random.text(3) });
    const stored: StoredMessage = {
      user: random.text(random.int(1, 20)),
      text: random.text(random.pick([0, 5, 130, 20_000])),
      room: "lobby",
      id: "id",
      sentAtMs: random.int(1, 4e12),
      payload: random.oneIn(3) ? anyPack(ErrorInfoSchema, info) : undefined,
    };
    entries.push({ offset: first + i, body: encodeBody(stored) });
    const { payload, sentAtMs, change: _, view: __, ...strings } = stored;
    messages.push(
      create(ChatMessageSchema, {
        ...strings,
        ...(payload && { payload: anyPack(ErrorInfoSchema, info) }),
        sentAt: timestampFromMs(sentAtMs),
        position: { epoch, offset: BigInt(first + i) },
      }),
    );
  }
  return { run: runOf(entries), messages };
}

function runOf(entries: readonly LogEntry[]): Run {
  return Run.of(
    entries[0]?.offset ?? 1,
    entries.map(({ body }) => body),
  );
}

function unwrapped(bytes: Uint8Array): Uint8Array[] {
  const messages: Uint8Array[] = [];
  const reader = new EnvelopeReader(
    10_000_000,
    (flags, message) => {
      assert.equal(flags, 0);
      messages.push(message);
    },
    () => assert.fail(),
  );
  reader.push(bytes);
  assert.ok(reader.isAtBoundary, "nothing is left over");
  return messages;
}

const toJsonOf = (message: ChatMessage) => toJson(ChatMessageSchema, message, { registry: types.registry });

test("a run in Protobuf is each message in its envelope, as the generated code reads it", () => {
  forEachSeed(200, (random) => {
    const { run, messages } = sample(random, random.int(1, 8));
    const bytes = new ProtoMessages("p", envelopeFraming).encode(lobby, epoch, run);
    assert.deepEqual(
      unwrapped(bytes).map((each) => fromBinary(ChatMessageSchema, new Uint8Array(each))),
      messages,
    );
  });
});

test("a run in JSON is each message in its envelope, as the generated code writes it", () => {
  forEachSeed(200, (random) => {
    const { run, messages } = sample(random, random.int(1, 8));
    const bytes = new JsonMessages("j", envelopeFraming, json).encode(lobby, epoch, run);
    assert.deepEqual(
      unwrapped(bytes).map((each) => JSON.parse(Buffer.from(each).toString())),
      messages.map(toJsonOf),
    );
  });
});

test("a batch in Protobuf is one frame with all messages and nothing else", () => {
  forEachSeed(200, (random) => {
    const { run, messages } = sample(random, random.int(1, 8));
    const [frame, ...rest] = unwrapped(new ProtoBatches("p", envelopeFraming).encode(lobby, epoch, run));
    assert.equal(rest.length, 0);
    assert.deepEqual(
      fromBinary(ServerFrameSchema, new Uint8Array(frame ?? [])),
      create(ServerFrameSchema, { frame: { case: "messages", value: { messages: [...messages] } } }),
    );
  });
});

test("a batch in JSON is one frame with all messages and nothing else", () => {
  forEachSeed(200, (random) => {
    const { run, messages } = sample(random, random.int(1, 8));
    const [frame, ...rest] = unwrapped(new JsonBatches("j", envelopeFraming, json).encode(lobby, epoch, run));
    assert.equal(rest.length, 0);
    assert.deepEqual(JSON.parse(Buffer.from(frame ?? []).toString()), {
      messages: { messages: messages.map(toJsonOf) },
    });
  });
});

test("a run that is larger than clients take is cut into frames, without a message lost", () => {
  const entries = Array.from({ length: 40 }, (_, index) => {
    // In JSON each of these characters takes six bytes.
    const text = "\u0001".repeat(60_000);
    const stored: StoredMessage = { user: "ann", text, room: "lobby", id: `${index}`, sentAtMs: 1, payload: undefined };
    return { offset: index + 1, body: encodeBody(stored) };
  });
  const idsOf = (messages: readonly { readonly id?: string }[]) => messages.map(({ id }) => id);
  const proto = unwrapped(new ProtoBatches("p", envelopeFraming).encode(lobby, epoch, runOf(entries)));
  const inJson = unwrapped(new JsonBatches("j", envelopeFraming, json).encode(lobby, epoch, runOf(entries)));
  const ids = [
    proto.flatMap((bytes) => {
      const { frame } = fromBinary(ServerFrameSchema, new Uint8Array(bytes));
      return frame.case === "messages" ? idsOf(frame.value.messages) : assert.fail(`a frame of ${frame.case}`);
    }),
    inJson.flatMap((bytes) => {
      const { messages } = JSON.parse(Buffer.from(bytes).toString()) as { messages: { messages: { id: string }[] } };
      return idsOf(messages.messages);
    }),
  ];
  assert.deepEqual(ids, [idsOf(entries.map((_, index) => ({ id: `${index}` }))), ids[0]]);
  for (const frame of [...proto, ...inJson]) assert.ok(frame.length < 1_048_576, `a frame of ${frame.length} bytes`);
});

test("a single message that is larger than clients take has a separate frame", () => {
  const entryOf = (offset: number, bytes: number) => ({
    offset,
    body: encodeBody({ user: "ann", text: "x".repeat(bytes), room: "lobby", id: "1", sentAtMs: 1, payload: undefined }),
  });
  const entries = [entryOf(1, 10), entryOf(2, 2_000_000), entryOf(3, 10)];
  for (const encoding of [new ProtoBatches("p", envelopeFraming), new JsonBatches("j", envelopeFraming, json)]) {
    const sizes = unwrapped(encoding.encode(lobby, epoch, runOf(entries))).map(({ length }) => length);
    assert.deepEqual(
      sizes.map((size) => size > 1_048_576),
      [false, true, false],
      encoding.name,
    );
  }
});

test("presence changes and signals are the same in both formats as the generated code's", () => {
  forEachSeed(200, (random) => {
    const [isPresent, members, user] = [random.oneIn(2), random.pick([0, 1, 300]), random.text(5)];
    const position = random.oneIn(2) ? { epoch, offset: random.pick([0, 2 ** 40]) } : undefined;
    const payload = random.oneIn(2) ? anyPack(ErrorInfoSchema, create(ErrorInfoSchema, { reason: "x" })) : undefined;
    const signal = { user, room: lobby, kind: "typing", position, payload };
    const presence = create(ServerFrameSchema, {
      frame: { case: "presence", value: { room: lobby, user, present: isPresent, members } },
    });
    const signalled = create(ServerFrameSchema, {
      frame: {
        case: "signal",
        value: {
          user,
          room: lobby,
          kind: "typing",
          ...(position && { position: { epoch, offset: BigInt(position.offset) } }),
          ...(payload && { payload }),
        },
      },
    });
    const [proto, inJson] = [new ProtoBatches("p", envelopeFraming), new JsonBatches("j", envelopeFraming, json)];
    const change = { room: lobby, user, isPresent };
    const pairs = [
      [presence, proto.presence(change, members), inJson.presence(change, members)],
      [signalled, proto.signal(signal), inJson.signal(signal)],
    ] as const;
    for (const [generated, bytes, text] of pairs) {
      const [frame] = unwrapped(bytes);
      assert.deepEqual(fromBinary(ServerFrameSchema, new Uint8Array(frame ?? [])), generated);
      assert.equal(Buffer.from(unwrapped(text)[0] ?? []).toString(), messageJson(ServerFrameSchema, generated, types));
    }
  });
});

test("a history page is the same in both formats as the generated code's", () => {
  forEachSeed(200, (random) => {
    const { run, messages } = sample(random, random.int(0, 8));
    const page = {
      epoch,
      oldest: random.pick([1, 200]),
      newest: random.pick([0, 300]),
      messages: 3,
      run,
      hasMore: random.oneIn(2),
    };
    const generated = create(GetHistoryResponseSchema, {
      messages: [...messages],
      more: page.hasMore,
      oldest: { epoch, offset: BigInt(page.oldest) },
      newest: { epoch, offset: BigInt(page.newest) },
    });
    assert.deepEqual(
      fromBinary(GetHistoryResponseSchema, new Uint8Array(encodeHistory("proto", page, json))),
      generated,
    );
    assert.deepEqual(
      JSON.parse(Buffer.from(encodeHistory("json", page, json)).toString()),
      toJson(GetHistoryResponseSchema, generated, { registry: types.registry }),
    );
  });
});

test("the JSON of an entry is made once, however many encodings want it", () => {
  forEachSeed(1, (random) => {
    const { run } = sample(random, 1);
    const [entry] = run.entries;
    assert.ok(entry);
    const first = json.of(epoch, entry);
    entry.body.fill(0xff);
    assert.equal(json.of(epoch, entry), first);
  });
});
