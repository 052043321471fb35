import assert from "node:assert/strict";
import { test } from "node:test";
import { type MessageShape, toBinary } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { ConfabError, PayloadTypes } from "@confab/contract";
import { type ClientFrame, ClientFrameSchema, ServerFrameSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import { assertHandled, ignoredFields, unsetFields } from "@confab/contract/testing/every-field";
import type { RoomId, Sink } from "../../core/index.js";
import { FrameClient, FrameServer } from "../../testing/fake-channel.js";
import { lobby } from "../../testing/test-hub.js";
import { decodeClientFrame, type TakenFrame } from "./client-frame.js";
import { answerFrame } from "./commands.js";
import type { FrameSession } from "./session.js";

// Frames are taken apart and put together field by field. A field or a frame that the contract gets later was dropped without
// an error; these tests name it.

for (const [way, taken] of [
  ["as generated code decodes it", (frame: ClientFrame): TakenFrame => frame],
  [
    "as its bytes are decoded",
    (frame: ClientFrame) => decodeClientFrame("proto", toBinary(ClientFrameSchema, frame), PayloadTypes.none()),
  ],
] as const) {
  test(`every field of a ClientFrame makes a difference to what is asked of the operations, ${way}`, () => {
    const frame = "confab.v1.ClientFrame";
    const serverSets = "the server sets it";
    const gaps = {
      [`${frame}.request`]: "only the answer carries it: commands.test.ts",
      ...Object.fromEntries(
        ["room", "prefix"].map((field) => [`${frame}.unsubscribe.${field}`, "they exclude each other"]),
      ),
      [`${frame}.send.position.epoch`]: serverSets,
      [`${frame}.send.position.offset`]: serverSets,
      [`${frame}.send.sent_at.seconds`]: serverSets,
      [`${frame}.send.sent_at.nanos`]: serverSets,
      ...Object.fromEntries(
        [
          ...["edited.user", "edited.offset", "edited.at.seconds", "edited.at.nanos"],
          ...["reactions.emoji", "reactions.count", "reactions.users.name"],
        ].map((field) => [`${frame}.send.view.${field}`, serverSets]),
      ),
    };
    const asked = (each: ClientFrame) => askedBy(taken(each));
    assertHandled(ignoredFields(ClientFrameSchema, asked, { gaps }), "packages/server/src/service/frames");
  });
}

/** What a frame asks for before it awaits anything: of the operations, of the session's subscriptions and of the tokens. */
function askedBy(frame: TakenFrame): unknown {
  const asked: unknown[] = [];
  const ask = (name: string) =>
    function recorded(...args: readonly unknown[]): Promise<never> {
      // The caller is the same for all.
      const [request, , sink] = args as [unknown, unknown, Partial<Sink>?];
      asked.push([name, request, sink?.events?.wantsPresence, sink?.events?.wantsSignals]);
      return new Promise(() => undefined);
    };
  const { session } = new FrameClient(new FrameServer());
  const names = [
    "send",
    "sendAll",
    "edit",
    "deleteMessage",
    "react",
    "subscribe",
    "subscribePrefix",
    "history",
    "signal",
    "markRead",
  ];
  const operations = Object.fromEntries(names.map((name) => [name, ask(name)]));
  const service = Object.create(session.deps.service, { operations: { value: operations } });
  const recording = Object.create(session, {
    deps: { value: { ...session.deps, service, principalBy: ask("authenticate") } },
    subscriptions: { value: { get: ask("unsubscribe"), has: () => false, set: () => undefined, size: 0 } },
    prefixes: { value: { get: ask("unsubscribePrefix"), keys: () => [], size: 0 } },
    sendLarge: { value: (make: (begin: () => Promise<void>) => unknown) => make(async () => undefined) },
    send: { value: () => undefined },
  }) as FrameSession;
  try {
    answerFrame(recording, frame)?.catch(() => undefined);
    if (recording.prefixPart) {
      // The last part of a request asks for all of it.
      asked.push("in two parts");
      const value = { ...recording.prefixPart, after: [], more: false };
      answerFrame(recording, { ...frame, frame: { case: "subscribePrefix", value } })?.catch(() => undefined);
    }
  } catch {
    // What it asked for until then is what counts.
  }
  return asked;
}

for (const format of ["proto", "json"] as const) {
  test(`${format}: every member of ServerFrame is sent, with every field`, async () => {
    const frames = await everyFrame(format);
    const [{ fields: members } = assert.fail()] = ServerFrameSchema.oneofs;
    for (const member of members) {
      const path = `confab.v1.ServerFrame.${member.name}`;
      const sent = frames.filter(({ frame }) => frame.case === member.localName);
      // A field need not be in each frame of a kind: it must be in one of them.
      const unset = sent.map((frame) => new Set(unsetIn(frame, member.message ?? assert.fail(path))));
      const everywhere = [...(unset[0] ?? [`${path} (no frame is of this kind)`])].filter((field) =>
        unset.every((each) => each.has(field)),
      );
      // Views are of folded pages only.
      const unknown = everywhere.filter(
        (field) => !/(?:\.payload|\.encoded_payload|MessageBatch.messages.view)$/.test(field),
      );
      assertHandled(unknown, `what sends ServerFrame.${member.name} in packages/server/src/service/frames`);
    }
  });
}

function unsetIn({ frame }: MessageShape<typeof ServerFrameSchema>, desc: Parameters<typeof unsetFields>[0]): string[] {
  return unsetFields(desc, reflect(desc, frame.value as never).message);
}

/** One session with an occasion for each frame that a server sends. A frame that the contract gets needs one here. */
async function everyFrame(format: "proto" | "json") {
  const server = new FrameServer({ pingIntervalMs: 1_500 });
  await server.hub.sayAndDeliver(3);
  await server.hub.hub.erase(lobby, { epoch: 7, offset: 2 });
  const changed = new FrameClient(server, format);
  const of = { user: "ann", position: { epoch: 7, offset: 3n } };
  await changed.ask({ request: 1, frame: { case: "react", value: { ...of, emoji: "+1", removed: true } } });
  await changed.ask({ request: 2, frame: { case: "edit", value: { ...of, text: "new" } } });
  await changed.ask({ request: 3, frame: { case: "delete", value: of } });
  server.hub.engine.deliver();
  // A message whose view has all fields.
  const { position } = await server.hub.hub.send({ user: "ann", text: "hi", room: lobby, id: "" });
  const seen = { user: "ann", position: { epoch: 7, offset: BigInt(position.offset) } };
  await changed.ask({ request: 4, frame: { case: "react", value: { ...seen, emoji: "+1" } } });
  await changed.ask({ request: 5, frame: { case: "edit", value: { ...seen, text: "new" } } });
  server.hub.engine.deliver();
  // A batch that begins with each of the changes.
  const readers = [3n, 4n, 5n].map((offset) => {
    const one = new FrameClient(server, format);
    const of = { room: "lobby", after: { epoch: 7, offset }, changes: true };
    void one.ask({ request: 1, frame: { case: "subscribe", value: { reader: of } } });
    return one;
  });
  const client = new FrameClient(server, format);
  const after = { epoch: 7, offset: 1n };
  const reader = { name: "ann", room: "lobby", after, changes: true };
  const value = { reader, presence: true, signals: true };
  await client.ask({ request: 1, frame: { case: "subscribe", value } });
  const send = { case: "send" as const, value: { user: "bob", text: "hi", id: "once" } };
  await client.ask({ request: 2, frame: send });
  await client.ask({ request: 3, frame: send });
  await client.ask({ request: 3, frame: { case: "sendAll", value: { messages: [send.value] } } });
  await client.ask({ request: 4, frame: { case: "history", value: { limit: 1, history: 1 } } });
  // The erased one, and each of the changes.
  for (const offset of [1n, 3n, 4n, 5n]) {
    const value = { limit: 1, after: { epoch: 7, offset }, changes: true };
    await client.ask({ request: 7, frame: { case: "history", value } });
  }
  const last = { epoch: 7, offset: BigInt(position.offset - 1) };
  await client.ask({ request: 7, frame: { case: "history", value: { after: last, folded: true } } });
  const payload = { typeUrl: "type.googleapis.com/google.rpc.ErrorInfo", value: Uint8Array.of(0x0a, 1, 0x72) };
  const signal = { user: "bob", kind: "read", position: after, payload };
  await client.ask({ request: 5, frame: { case: "signal", value: signal } });
  await client.ask({ request: 8, frame: { case: "markRead", value: { user: "bob", position: after } } });
  await new FrameClient(server).subscribe("lobby", 1, { name: "bob" });
  const limits = { ...server.hub.limits };
  await client.ask({ request: 9, frame: { case: "subscribePrefix", value: { prefix: "t", after: [] } } });
  Object.assign(server.hub.limits, { maxRoomsPerPrefix: 1 });
  await server.hub.say(1, "t1" as RoomId);
  await server.settle();
  await server.hub.say(1, "t2" as RoomId);
  await server.settle();
  Object.assign(server.hub.limits, limits);
  client.session.unsubscribed(lobby, new ConfabError("OVERLOADED", "later", { retryAfterMs: 1_500 }));
  server.sessions.pingAll();
  server.hub.hub.send = () => Promise.reject(new ConfabError("OVERLOADED", "later", { retryAfterMs: 1_500 }));
  await client.ask({ request: 6, frame: send });
  server.sessions.closeAll(new ConfabError("OVERLOADED", "later", { retryAfterMs: 1_500 }), 2_500);
  return [client, ...readers].flatMap(({ frames }) => frames);
}
