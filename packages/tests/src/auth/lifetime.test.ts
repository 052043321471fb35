import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { EnvelopeReader, enveloped } from "@confab/contract";
import { ClientFrameSchema, ServerFrameSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { Frames } from "./testing/frames.js";
import { streams } from "./testing/streams.js";
import { inSeconds, newTestKey } from "./testing/tokens.js";
import type { Shown } from "./testing/ways.js";

// What lives on a token ends with it, unless the client shows the next one in time.

const key = newTestKey();
const bearer = (token: string): Shown => ({ authorization: `Bearer ${token}` });

let server: ServerProcess;
before(async () => {
  const auth = { keyFiles: [key.file], clockToleranceMs: 0 };
  server = await startServerProcess({ flags: { auth, durability: "os", limits: { requestTimeoutMs: 3_000 } } });
});
after(async () => {
  await server.stop();
  key.remove();
});

describe("a token that expires", { concurrency: true }, () => {
  for (const [name, end] of streams) {
    it(`ends what it opened by ${name}, with TOKEN_EXPIRED`, async () => {
      const startedMs = Date.now();
      assert.equal(await end(server.url, bearer(await key.token({ exp: inSeconds(3) }))), "TOKEN_EXPIRED");
      assert.ok(Date.now() - startedMs > 1_000, "it was open before");
    });
  }
});

describe("a token that is revoked", { concurrency: true }, () => {
  const endings = new Map<string, ReturnType<(typeof streams)[number][1]>>();
  before(async () => {
    // A room without a message is not listed.
    const headers = { "content-type": "application/json", ...bearer(await key.token()) };
    await fetch(`${server.url}/v1/rooms/den/messages`, { method: "POST", headers, body: '{"text":"hi"}' });
    for (const [name, end] of streams)
      endings.set(name, end(server.url, bearer(await key.token({ jti: `revoked ${name}` }))));
    await untilReaders(streams.length);
  });

  for (const [name] of streams) {
    it(`ends what it opened by ${name}, with UNAUTHENTICATED`, async () => {
      const jti = `revoked ${name}`;
      const token = await key.token({ sub: "root", "confab.rooms": [{ pattern: "*", can: ["admin"] }] });
      const response = await fetch(`${server.url}/v1/admin/revocations`, {
        method: "POST",
        headers: { "content-type": "application/json", ...bearer(token) },
        body: JSON.stringify({ tokenId: jti }),
      });
      assert.equal(response.status, 200);
      assert.equal(await endings.get(name), "UNAUTHENTICATED");
    });
  }
});

/** The room of the streams has this many readers. */
async function untilReaders(count: number): Promise<void> {
  const headers = bearer(await key.token());
  const endMs = Date.now() + 30_000;
  for (;;) {
    const response = await fetch(`${server.url}/v1/rooms?prefix=den`, { headers });
    const { rooms = [] } = (await response.json()) as { rooms?: { subscribers?: number }[] };
    if ((rooms[0]?.subscribers ?? 0) >= count) return;
    assert.ok(Date.now() < endMs, `the room has no ${count} readers`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const json = ["confab.v1.json"];
const openFrames = (protocols: string[], shown?: Shown) => Frames.open(server.url, protocols, shown);
const subscribed = { subscribe: { reader: { room: "den" } } };

describe("a connection with frames", { concurrency: true }, () => {
  it("may show its token in the first frame, and is refused everything before", async () => {
    const frames = await openFrames(json);
    assert.equal(await frames.ask(subscribed), "UNAUTHENTICATED");
    assert.equal(await frames.ask({ authenticate: { token: "hello" } }), "UNAUTHENTICATED");
    assert.equal(await frames.ask({ authenticate: { token: await key.token() } }), "done");
    assert.equal(await frames.ask(subscribed), "subscribed");
    frames.socket.terminate();
  });

  it("takes what comes behind a token with it, and in its order, though nothing has been answered", async () => {
    const frames = await openFrames(json);
    const room = "behind";
    const answers = await Promise.all([
      frames.ask({ authenticate: { token: await key.token({ jti: "never seen before" }) } }),
      frames.ask({ subscribe: { reader: { room } } }),
      ...Array.from({ length: 20 }, (_, index) => frames.ask({ send: { room, text: String(index) } })),
    ]);
    assert.deepEqual(answers, ["done", "subscribed", ...Array(20).fill("ack")]);
    const history = await fetch(`${server.url}/v1/rooms/${room}/messages`, {
      headers: bearer(await key.token()),
    });
    const { messages } = (await history.json()) as { messages: { text: string }[] };
    assert.deepEqual(
      messages.map(({ text }) => text),
      Array.from({ length: 20 }, (_, index) => String(index)),
    );
    frames.socket.terminate();
  });

  it("may show it on Converse too, and what comes behind it is asked with it", async () => {
    const authenticate = { case: "authenticate", value: { token: await key.token() } } as const;
    const history = { case: "history", value: { room: "den" } } as const;
    const asked = [
      create(ClientFrameSchema, { request: 1, frame: history }),
      create(ClientFrameSchema, { request: 2, frame: authenticate }),
      create(ClientFrameSchema, { request: 3, frame: history }),
    ];
    const response = await fetch(`${server.url}/confab.v1.ChatService/Converse`, {
      method: "POST",
      headers: { "content-type": "application/connect+proto" },
      body: Buffer.concat(asked.map((frame) => enveloped(0, toBinary(ClientFrameSchema, frame)))),
    });
    const answers: (readonly [number, string | undefined])[] = [];
    new EnvelopeReader(
      100_000,
      (flags, bytes) => {
        if (flags !== 0) return;
        const { request, frame } = fromBinary(ServerFrameSchema, bytes);
        answers.push([request, frame.case === "error" ? frame.value.code : frame.case]);
      },
      (length) => assert.fail(`${length} bytes are too many`),
    ).push(new Uint8Array(await response.arrayBuffer()));
    assert.deepEqual(
      answers.filter(([request]) => request > 0).sort(([one], [other]) => one - other),
      [
        [1, "UNAUTHENTICATED"],
        [2, "done"],
        [3, "history"],
      ],
    );
  });

  it("is told who comes and goes only where it may see the members", async () => {
    const rules = (can: string[]) => ({ "confab.rooms": [{ pattern: "*", can }] });
    const watching = { subscribe: { reader: { room: "hall" }, presence: true } };
    const [blind, seeing] = await Promise.all(
      [["read"], ["read", "members"]].map(async (can) => openFrames(json, bearer(await key.token(rules(can))))),
    );
    assert.ok(blind && seeing);
    for (const frames of [blind, seeing]) assert.equal(await frames.ask(watching), "subscribed");
    const carl = await openFrames(json, bearer(await key.token({ sub: "carl" })));
    assert.equal(await carl.ask({ subscribe: { reader: { room: "hall", name: "carl" } } }), "subscribed");
    await seeing.first((each) => each.frame.case === "presence");
    // An answer comes behind what was pushed before it.
    assert.equal(await blind.ask({ subscribe: { reader: { room: "den" } } }), "subscribed");
    assert.ok(!blind.has("presence"));
    for (const { socket } of [blind, seeing, carl]) socket.terminate();
  });

  it("that shows none within requestTimeoutMs ends with UNAUTHENTICATED", async () => {
    const frames = await openFrames(json);
    const [code, reason] = (await once(frames.socket, "close")) as [number, Buffer];
    assert.deepEqual([code, reason.toString().split(":")[0]], [4001, "UNAUTHENTICATED"]);
  });

  it("goes on past its token's end with the next one", async () => {
    const frames = await openFrames(json, bearer(await key.token({ exp: inSeconds(2) })));
    assert.equal(await frames.ask(subscribed), "subscribed");
    assert.equal(await frames.ask({ authenticate: { token: await key.token() } }), "done");
    await new Promise((resolve) => setTimeout(resolve, 3_500));
    assert.equal(await frames.ask({ send: { room: "den", text: "still here" } }), "ack");
    const { frame } = await frames.first((each) => each.frame.case === "messages");
    assert.equal(frame.case === "messages" && frame.value.messages[0]?.text, "still here");
    frames.socket.terminate();
  });

  it("keeps its old token when the next one is refused, and is not given to another user", async () => {
    const frames = await openFrames(json, bearer(await key.token()));
    assert.equal(
      await frames.ask({ authenticate: { token: await key.token({ exp: inSeconds(-9) }) } }),
      "TOKEN_EXPIRED",
    );
    assert.equal(await frames.ask({ authenticate: { token: await key.token({ sub: "bob" }) } }), "PERMISSION_DENIED");
    assert.equal(await frames.ask({ history: { room: "den" } }), "history");
    frames.socket.terminate();
  });

  it("loses what the next token does not allow, and keeps the rest", async () => {
    const frames = await openFrames(json, bearer(await key.token()));
    assert.equal(await frames.ask(subscribed), "subscribed");
    assert.equal(await frames.ask({ subscribe: { reader: { room: "hall" } } }), "subscribed");
    const rules = [{ pattern: "hall", can: ["read"] }];
    assert.equal(await frames.ask({ authenticate: { token: await key.token({ "confab.rooms": rules }) } }), "done");
    const { frame } = await frames.first((each) => each.frame.case === "unsubscribed");
    assert.ok(frame.case === "unsubscribed");
    assert.deepEqual([frame.value.room, frame.value.reason?.code], ["den", "PERMISSION_DENIED"]);
    assert.equal(await frames.ask({ unsubscribe: { room: "hall" } }), "unsubscribed");
    frames.socket.terminate();
  });
});

describe("a connection that is told who comes and goes", () => {
  // It was told for as long as it lived, although its next token could not list the members.
  it("is told no more where its next token may not see the members, and reads on", async () => {
    const room = "gallery";
    const watching = { subscribe: { reader: { room }, presence: true, signals: true } };
    const may = async (...can: string[]) => key.token({ "confab.rooms": [{ pattern: "*", can }] });
    const all = ["read", "members", "send", "create", "signal"];
    const [renewed, seeing] = await Promise.all([1, 2].map(async () => openFrames(json, bearer(await may(...all)))));
    assert.ok(renewed && seeing);
    for (const frames of [renewed, seeing]) assert.equal(await frames.ask(watching), "subscribed");
    assert.equal(await renewed.ask({ authenticate: { token: await may("read") } }), "done");
    const carl = await openFrames(json, bearer(await key.token({ sub: "carl" })));
    assert.equal(await carl.ask({ subscribe: { reader: { room, name: "carl" } } }), "subscribed");
    await seeing.first((each) => each.frame.case === "presence");
    assert.equal(await carl.ask({ send: { room, text: "hi" } }), "ack");
    assert.equal(await carl.ask({ signal: { room, kind: "typing" } }), "done");
    for (const kind of ["messages", "signal"]) await renewed.first((each) => each.frame.case === kind);
    assert.ok(!renewed.has("presence"));
    for (const { socket } of [renewed, seeing, carl]) socket.terminate();
  });
});

describe("the name that a caller uses", { concurrency: true }, () => {
  const send = async (body: object, claims: object = {}) => {
    const response = await fetch(`${server.url}/v1/rooms/names/messages`, {
      method: "POST",
      headers: { "content-type": "application/json", ...bearer(await key.token({ ...claims })) },
      body: JSON.stringify(body),
    });
    const answer = (await response.json()) as { error?: { code: string } };
    return answer.error?.code ?? "stored";
  };

  it("is its token's where it names none, and no other's", async () => {
    assert.equal(await send({ text: "mine" }), "stored");
    assert.equal(await send({ user: "ann", text: "mine" }), "stored");
    assert.equal(await send({ user: "bob", text: "his" }), "PERMISSION_DENIED");
    const page = await fetch(`${server.url}/v1/rooms/names/messages`, { headers: bearer(await key.token()) });
    const { messages } = (await page.json()) as { messages: { user: string; text: string }[] };
    assert.deepEqual([...new Set(messages.map(({ user, text }) => `${user}: ${text}`))], ["ann: mine"]);
  });

  it("may be another one for a service that may send as others", async () => {
    const rules = [{ pattern: "service", can: ["send", "create", "send-as"] }];
    const response = await fetch(`${server.url}/v1/rooms/service/messages`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...bearer(await key.token({ sub: "svc", "confab.rooms": rules })),
      },
      body: JSON.stringify({ user: "eve", text: "for eve" }),
    });
    assert.equal(response.status, 200);
  });

  it("creates no room where it may not", async () => {
    const claims = { "confab.rooms": [{ pattern: "*", can: ["send"] }] };
    const response = await fetch(`${server.url}/v1/rooms/new-room/messages`, {
      method: "POST",
      headers: { "content-type": "application/json", ...bearer(await key.token(claims)) },
      body: JSON.stringify({ text: "hi" }),
    });
    assert.match(await response.text(), /PERMISSION_DENIED.*create is not allowed in room new-room/);
    assert.equal(await send({ text: "mine" }), "stored");
    assert.equal(await send({ text: "mine" }, claims), "stored");
  });
});
