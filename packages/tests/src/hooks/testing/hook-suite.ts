import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it } from "node:test";
import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { enveloped } from "@confab/contract";
import { ChatService } from "@confab/contract/gen/confab/v1/chat_service_pb";
import { ClientFrameSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import { ChatMessageSchema, SendMessagesRequestSchema } from "@confab/contract/gen/confab/v1/message_pb";
import type {
  ConnectEvent,
  DisconnectEvent,
  OccupancyEvent,
  SendEvent,
  SignalEvent,
  SubscribeEvent,
} from "@confab/server/hooks";
import { WebSocket } from "ws";
import { Frames } from "../../auth/testing/frames.js";
import { inSeconds, newTestKey } from "../../auth/testing/tokens.js";
import { allWays, webSocketUrl } from "../../auth/testing/ways.js";
import { rawListeners } from "../../matrix/raw-listeners.js";
import { frameWithoutDetails, grpcCall } from "../../parity/raw-clients.js";
import { rawBatchSenders, rawSenders } from "../../parity/raw-senders.js";
import type { HookForm } from "./forms.js";
import { hookedServer } from "./hooked-server.js";

// The team's own code, in every form that it can have, on every transport: the same effect everywhere.

/** Longer than anything takes that is going to happen, in milliseconds. */
const patienceMs = 30_000;

async function becomes<T>(ask: () => T | Promise<T>, expected: T): Promise<void> {
  for (const deadlineMs = Date.now() + patienceMs; ; await new Promise(setImmediate)) {
    const answer = await ask();
    try {
      assert.deepEqual(answer, expected);
      return;
    } catch (difference) {
      if (Date.now() > deadlineMs) throw difference;
    }
  }
}

async function textsIn(url: string, room: string): Promise<string[]> {
  const response = await fetch(`${url}/v1/rooms/${room}/messages?limit=1000`);
  const { messages = [] } = (await response.json()) as { messages?: readonly { text: string }[] };
  return messages.map(({ text }) => text);
}

function post(url: string, path: string, body: object, headers: Readonly<Record<string, string>> = {}) {
  return fetch(url + path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

/** The code of the error by which Converse answers a frame, or `done`. */
async function converse(url: string, frame: Uint8Array): Promise<string> {
  let outcome = "";
  const isEnough = (message: Uint8Array) => {
    const { request, frame } = frameWithoutDetails(Buffer.from(message), true);
    if (request === 1) outcome = frame.case === "error" ? frame.value.code : "done";
    return outcome !== "";
  };
  const path = `/${ChatService.typeName}/Converse`;
  await grpcCall(url, path, "application/grpc+proto", enveloped(0, frame), isEnough);
  return outcome;
}

/** The catalogue's code, or `done`. */
async function codeOf(response: Response): Promise<string> {
  if (response.ok) return "done";
  return ((await response.json()) as { error: { code: string } }).error.code;
}

async function ask(names: readonly string[], url: string, shown: Readonly<Record<string, string>> = {}) {
  const outcomes = new Map<string, string>();
  for (const { name, isAdmins, ask } of allWays()) {
    // No hook is asked for read marks.
    if (!isAdmins && !name.endsWith("/marks") && names.some((word) => name.includes(word)))
      outcomes.set(name, await ask(url, shown));
  }
  assert.ok(outcomes.size > 0);
  return outcomes;
}

/** The behaviour of hooks in one of their forms, as tests. */
export function hookSuite(form: HookForm): void {
  describe(`hooks ${form.name}`, () => {
    it("send: what it refuses is refused, and what it changes is stored changed, on every transport", async (t) => {
      const events: SendEvent[] = [];
      const { url } = await hookedServer(t, form, {
        send: (event) => {
          events.push(event);
          return event.text === "bad" ? { refuse: "mind your language" } : { text: `${event.text}!` };
        },
      });
      for (const { name, format, send } of rawSenders) {
        const room = name.replaceAll(/[^A-Za-z]+/g, "-");
        const bytes = (text: string) => {
          const message = create(ChatMessageSchema, { user: "ann", text, room });
          return format === "proto"
            ? toBinary(ChatMessageSchema, message)
            : Buffer.from(toJsonString(ChatMessageSchema, message));
        };
        assert.equal(await send(url, bytes("hi")), "stored", name);
        assert.equal(await send(url, bytes("bad")), "HOOK_REFUSED", name);
        assert.deepEqual(await textsIn(url, room), ["hi!"], name);
        const [event] = events.splice(0);
        assert.deepEqual(
          { ...event, caller: 0 },
          { room, user: "ann", text: "hi", id: "", payload: undefined, change: undefined, caller: 0 },
        );
        assert.equal(event?.caller.kind, "anonymous");
      }
      for (const { name, format, send } of rawBatchSenders) {
        const room = `batch-${name.replaceAll(/[^A-Za-z]+/g, "-")}`;
        const bytes = (...texts: readonly string[]) => {
          const messages = texts.map((text) => ({ user: "ann", text }));
          const request = create(SendMessagesRequestSchema, { room, messages });
          return format === "proto"
            ? toBinary(SendMessagesRequestSchema, request)
            : Buffer.from(toJsonString(SendMessagesRequestSchema, request));
        };
        assert.equal(await send(url, bytes("a", "b")), "stored", name);
        assert.equal(await send(url, bytes("c", "bad")), "HOOK_REFUSED", name);
        assert.deepEqual(await textsIn(url, room), ["a!", "b!"], name);
      }
    });

    it("send: edits, reactions and deletions pass it, and an edit is stored as it changes it", async (t) => {
      const seen: unknown[] = [];
      const { url } = await hookedServer(t, form, {
        send: ({ text, change }) => {
          seen.push(change && [change.kind, change.position, "emoji" in change ? change.emoji : text]);
          if (text === "bad" || (change && "emoji" in change && change.emoji === "👎")) return { refuse: "be kind" };
          // Of a reaction and a deletion it makes an empty text, which is not stored.
          return change ? { text: text.replace("wilder", "mild") } : undefined;
        },
      });
      const stored = await post(url, "/v1/rooms/den/messages", { user: "ann", text: "wild" });
      const { position } = (await stored.json()) as { position: { epoch: number; offset: string } };
      const at = `${position.epoch}:${position.offset}`;
      const change = async (what: string, more: object) =>
        (await post(url, `/v1/rooms/den/messages:${what}`, { user: "ann", position, ...more })).status;
      assert.equal(await change("edit", { text: "bad" }), 403);
      assert.equal(await change("edit", { text: "wilder" }), 200);
      assert.equal(await change("react", { emoji: "👎" }), 403);
      assert.equal(await change("react", { emoji: "👍" }), 200);
      const folded = await fetch(`${url}/v1/rooms/den/messages?folded=true`);
      const { messages } = (await folded.json()) as { messages: readonly { text: string }[] };
      assert.deepEqual(
        messages.map(({ text }) => text),
        ["mild"],
      );
      assert.equal(await change("delete", {}), 200);
      assert.deepEqual(seen, [
        undefined,
        ["edit", at, "bad"],
        ["edit", at, "wilder"],
        ["reaction", at, "👎"],
        ["reaction", at, "👍"],
        ["deletion", at, ""],
      ]);
    });

    it("send: the refusal of the hook reaches the client as its text, with HTTP 403", async (t) => {
      const { url } = await hookedServer(t, form, { send: () => ({ refuse: "nicht so, Kätzchen 🐈" }) });
      const response = await post(url, "/v1/rooms/den/messages", { user: "ann", text: "hi" });
      assert.equal(response.status, 403);
      const { error } = (await response.json()) as { error: { code: string; message: string } };
      assert.deepEqual([error.code, error.message], ["HOOK_REFUSED", "nicht so, Kätzchen 🐈"]);
    });

    it("send: a payload is seen and replaced", async (t) => {
      const seen: unknown[] = [];
      const { url } = await hookedServer(t, form, {
        send: ({ payload }) => {
          seen.push(payload && [payload.typeUrl, ...payload.value]);
          return { text: "other", payload: { typeUrl: "example.org/b.C", value: new Uint8Array([8, 2]) } };
        },
      });
      const encodedPayload = { typeUrl: "example.org/a.B", value: Buffer.from([8, 1]).toString("base64") };
      assert.equal((await post(url, "/v1/rooms/den/messages", { user: "ann", encodedPayload })).status, 200);
      assert.deepEqual(seen, [["example.org/a.B", 8, 1]]);
      const response = await fetch(`${url}/v1/rooms/den/messages`);
      const { messages } = (await response.json()) as { messages: readonly object[] };
      assert.deepEqual((messages[0] as { encodedPayload?: unknown }).encodedPayload, {
        typeUrl: "example.org/b.C",
        value: Buffer.from([8, 2]).toString("base64"),
      });
    });

    it("send: the messages of one connection keep their order, however long the hook takes for each", async (t) => {
      const held: (() => void)[] = [];
      const { url } = await hookedServer(t, form, {
        // The first one is let go last, if the order is not kept.
        send: async ({ text }) => {
          if (text === "0") await new Promise<void>((resolve) => held.push(resolve));
          return undefined;
        },
      });
      const frames = await Frames.open(url, ["confab.v1.json"]);
      const texts = Array.from({ length: 20 }, (_, index) => String(index));
      const sends = texts.map((text) => frames.ask({ send: { user: "ann", text, room: "den" } }));
      const other = await Frames.open(url, ["confab.v1.json"]);
      assert.equal(await other.ask({ send: { user: "bob", text: "meanwhile", room: "den" } }), "ack");
      assert.deepEqual(await textsIn(url, "den"), ["meanwhile"]);
      await becomes(() => held.length, 1);
      for (const release of held.splice(0)) release();
      assert.deepEqual(new Set(await Promise.all(sends)), new Set(["ack"]));
      assert.deepEqual(await textsIn(url, "den"), ["meanwhile", ...texts]);
      frames.socket.terminate();
      other.socket.terminate();
    });

    it("send: a hook that calls back into the server sends what it likes, if it knows its own messages", async (t) => {
      let url = "";
      const server = await hookedServer(t, form, {
        send: async ({ user, text, room }) => {
          if (user === "bot") return undefined;
          assert.equal(
            (await post(url, `/v1/rooms/${room}/messages`, { user: "bot", text: `about ${text}` })).status,
            200,
          );
          return undefined;
        },
      });
      url = server.url;
      assert.equal((await post(url, "/v1/rooms/den/messages", { user: "ann", text: "hi" })).status, 200);
      assert.deepEqual(await textsIn(url, "den"), ["about hi", "hi"]);
    });

    it("send: a hook that calls back without end fails, and the server goes on", async (t) => {
      let url = "";
      const server = await hookedServer(t, form, {
        send: async ({ text, room }) => {
          if (text !== "loop") return undefined;
          await post(url, `/v1/rooms/${room}/messages`, { user: "bot", text: "loop" });
          return undefined;
        },
      });
      url = server.url;
      assert.equal(
        await codeOf(await post(url, "/v1/rooms/den/messages", { user: "ann", text: "loop" })),
        "HOOK_FAILED",
      );
      await becomes(async () => codeOf(await post(url, "/v1/rooms/den/messages", { user: "ann", text: "hi" })), "done");
      // A call far down may be answered in time, once those above it were given up: then it is stored too, perhaps later.
      assert.ok((await textsIn(url, "den")).includes("hi"));
    });

    it("subscribe: it refuses readers on every transport", async (t) => {
      const events: SubscribeEvent[] = [];
      const { url } = await hookedServer(t, form, {
        subscribe: (event) => {
          events.push(event);
          return event.room === "den" ? { refuse: "not here" } : undefined;
        },
      });
      const outcomes = await ask(["StreamMessages", "subscribe on", "/stream", "plain WebSocket"], url);
      assert.deepEqual(
        [...outcomes].filter(([, outcome]) => outcome !== "HOOK_REFUSED"),
        [],
      );
      assert.equal(events.length, outcomes.size);
      assert.ok(events.every(({ user, history }) => user === "ann" && history === 1));
      // Elsewhere they read as ever.
      for (const { name, listen } of rawListeners) {
        events.length = 0;
        const room = name.replaceAll(/[^A-Za-z]+/g, "-");
        const texts: string[] = [];
        const stop = listen(url, { room }, ({ text }) => void texts.push(text));
        await becomes(() => events.length, 1);
        let sent = 0;
        await becomes(async () => {
          await post(url, `/v1/rooms/${room}/messages`, { user: "ann", text: String(sent++) });
          return texts.length > 0;
        }, true);
        stop();
      }
    });

    it("signal: it refuses signals on every transport", async (t) => {
      const events: SignalEvent[] = [];
      const { url } = await hookedServer(t, form, {
        signal: (event) => {
          events.push(event);
          return { refuse: "be quiet" };
        },
      });
      const outcomes = await ask(["SendSignal", "signals", "signal on"], url);
      assert.deepEqual(
        [...outcomes].filter(([, outcome]) => outcome !== "HOOK_REFUSED"),
        [],
      );
      assert.equal(events.length, outcomes.size);
      assert.ok(events.every(({ user, kind, room }) => user === "ann" && kind === "typing" && room === "den"));
    });

    it("connect: a caller that it refuses may do nothing, on every transport", async (t) => {
      const events: ConnectEvent[] = [];
      const { url } = await hookedServer(t, form, {
        connect: (event) => {
          events.push(event);
          return { refuse: "not today" };
        },
      });
      const others: string[] = [];
      for (const { name, ask } of allWays()) {
        const outcome = await ask(url, { "x-team": "blue" });
        if (outcome !== "HOOK_REFUSED") others.push(`${name}: ${outcome}`);
      }
      assert.deepEqual(others, []);
      assert.equal(events.length, allWays().length);
      assert.ok(events.every(({ headers, user }) => headers["x-team"] === "blue" && user === undefined));
      assert.deepEqual(
        new Set(events.map(({ transport }) => transport)),
        new Set(["grpc", "grpc-web", "connect", "websocket", "sse", "rest"]),
      );
      // What asks for no caller needs none.
      assert.equal((await fetch(`${url}/healthz`)).status, 200);
    });

    it("connect: it names the caller from a cookie, and says what the caller may do", async (t) => {
      const { url } = await hookedServer(t, form, {
        connect: ({ headers }) => {
          const name = /session=(\w+)/.exec(headers["cookie"] ?? "")?.[1];
          if (name === undefined) return undefined;
          return { user: name, rooms: [{ pattern: "den", can: ["read", "send", "create", "history"] }] };
        },
      });
      const ann = { cookie: "session=ann" };
      const send = (body: object, room: string, headers = ann) =>
        post(url, `/v1/rooms/${room}/messages`, body, headers);
      assert.equal(await codeOf(await send({ text: "hi" }, "den")), "done");
      assert.equal(await codeOf(await send({ user: "bob", text: "hi" }, "den")), "PERMISSION_DENIED");
      assert.equal(await codeOf(await send({ text: "hi" }, "lair")), "PERMISSION_DENIED");
      const frames = await Frames.open(url, ["confab.v1.json"], ann);
      assert.equal(await frames.ask({ send: { text: "by socket", room: "den" } }), "ack");
      assert.equal(await frames.ask({ send: { text: "by socket", room: "lair" } }), "PERMISSION_DENIED");
      frames.socket.terminate();
      const history = await fetch(`${url}/v1/rooms/den/messages`, { headers: ann });
      const { messages } = (await history.json()) as { messages: readonly { user: string; text: string }[] };
      assert.deepEqual(
        messages.map(({ user, text }) => `${user}: ${text}`),
        ["ann: hi", "ann: by socket"],
      );
      // Without the cookie it goes on as without the hook: on this machine anyone may send.
      assert.equal(await codeOf(await post(url, "/v1/rooms/lair/messages", { user: "eve", text: "hi" })), "done");
    });

    it("connect: a page of another origin does not act by its visitor's cookie", async (t) => {
      const cookies: unknown[] = [];
      const { url } = await hookedServer(
        t,
        form,
        { connect: ({ headers }) => void cookies.push(headers["cookie"]) },
        { allowedOrigins: ["*"] },
      );
      const open = async (origin: string) => {
        const socket = new WebSocket(webSocketUrl(url), ["confab.v1.json"], {
          headers: { cookie: "session=ann", origin },
        });
        await once(socket, "message");
        socket.terminate();
      };
      await open("https://evil.example");
      await open(url);
      assert.deepEqual(cookies, [undefined, "session=ann"]);
    });

    it("connect: on an address that other machines reach, it decides who is let in", async (t) => {
      const { url } = await hookedServer(
        t,
        form,
        { connect: ({ headers }) => (headers["x-user"] === undefined ? undefined : { user: headers["x-user"] }) },
        { host: "0.0.0.0" },
      );
      const send = (headers: Readonly<Record<string, string>>) =>
        post(url, "/v1/rooms/den/messages", { text: "hi" }, headers);
      assert.equal(await codeOf(await send({ "x-user": "ann" })), "done");
      assert.equal(await codeOf(await send({})), "UNAUTHENTICATED");
    });

    it("connect: what a caller is given ends at its time", async (t) => {
      const { url } = await hookedServer(t, form, {
        connect: () => ({ user: "ann", expiresAtMs: Date.now() + 1 }),
      });
      const socket = new WebSocket(webSocketUrl(url), ["confab.v1.json"]);
      const [code] = (await once(socket, "close")) as [number];
      assert.equal(code, 4002);
    });

    it("connect: it is asked for connections of verified users, not for their requests, and not for bad tokens", async (t) => {
      const key = newTestKey();
      t.after(() => key.remove());
      const users: unknown[] = [];
      const { url } = await hookedServer(
        t,
        form,
        { connect: ({ user }) => void users.push(user) },
        { auth: { keyFiles: [key.file] } },
      );
      const good = { authorization: `Bearer ${await key.token({ sub: "ann" })}` };
      const expired = { authorization: `Bearer ${await key.token({ sub: "ann", exp: inSeconds(-60) })}` };
      assert.equal(await codeOf(await post(url, "/v1/rooms/den/messages", { text: "hi" }, good)), "done");
      assert.equal(await codeOf(await post(url, "/v1/rooms/den/messages", { text: "hi" }, expired)), "TOKEN_EXPIRED");
      assert.deepEqual(users, []);
      assert.equal(await codeOf(await post(url, "/v1/rooms/den/messages", { text: "hi" })), "UNAUTHENTICATED");
      const frames = await Frames.open(url, ["confab.v1.json"], good);
      assert.equal(await frames.ask({ send: { text: "hi" } }), "ack");
      frames.socket.terminate();
      assert.deepEqual(users, [undefined, "ann"]);
    });

    it("connect: it is asked again for the user of a token in a frame, and may refuse that one", async (t) => {
      const key = newTestKey();
      t.after(() => key.remove());
      const events: ConnectEvent[] = [];
      const { url } = await hookedServer(
        t,
        form,
        {
          connect: (event) => {
            events.push(event);
            return event.user === "eve" ? { refuse: "not you" } : undefined;
          },
        },
        { auth: { keyFiles: [key.file] } },
      );
      const frames = await Frames.open(url, ["confab.v1.json"], { "x-team": "blue" });
      const authenticate = async (sub: string, exp = inSeconds(60)) =>
        frames.ask({ authenticate: { token: await key.token({ sub, exp }) } });
      assert.equal(await authenticate("eve"), "HOOK_REFUSED");
      assert.equal(await frames.ask({ send: { text: "hi", room: "den" } }), "UNAUTHENTICATED");
      assert.equal(await authenticate("bob", inSeconds(-60)), "TOKEN_EXPIRED");
      assert.equal(await authenticate("ann"), "done");
      assert.equal(await frames.ask({ send: { text: "hi", room: "den" } }), "ack");
      frames.socket.terminate();
      assert.deepEqual(
        events.map(({ user }) => user),
        [undefined, "eve", "ann"],
      );
      assert.ok(events.every(({ headers, transport }) => headers["x-team"] === "blue" && transport === "websocket"));
    });

    it("connect: it is asked again for a token in a frame of Converse", async (t) => {
      const key = newTestKey();
      t.after(() => key.remove());
      const users: unknown[] = [];
      const { url } = await hookedServer(
        t,
        form,
        {
          connect: ({ user }) => {
            users.push(user);
            return user === "eve" ? { refuse: "not you" } : undefined;
          },
        },
        { auth: { keyFiles: [key.file] } },
      );
      const frame = toBinary(
        ClientFrameSchema,
        create(ClientFrameSchema, {
          request: 1,
          frame: { case: "authenticate", value: { token: await key.token({ sub: "eve" }) } },
        }),
      );
      assert.equal(await converse(url, frame), "HOOK_REFUSED");
      assert.deepEqual(users, [undefined, "eve"]);
    });

    it("connect: it is not asked about those who ask for the server's health", async (t) => {
      let asked = 0;
      const { url } = await hookedServer(t, form, {
        connect: () => {
          asked++;
          return { refuse: "not today" };
        },
      });
      for (const service of ["", "ChatService"]) {
        const checked = await post(url, "/grpc.health.v1.Health/Check", { service });
        assert.deepEqual(await checked.json(), { status: "SERVING" });
      }
      assert.equal(asked, 0);
    });

    it("disconnect: it is called once for each connection that was let in, when that has ended", async (t) => {
      const events: DisconnectEvent[] = [];
      let connected = 0;
      const { url } = await hookedServer(t, form, {
        connect: ({ headers }) => {
          connected++;
          return headers["x-refuse"] ? { refuse: "no" } : { user: "ann" };
        },
        disconnect: (event) => void events.push(event),
      });
      const sockets = await Promise.all(
        ["confab.v1.json", "confab.v1.proto", undefined].map(async (protocol) => {
          const socket = new WebSocket(webSocketUrl(url), protocol === undefined ? [] : [protocol]);
          await once(socket, "open");
          return socket;
        }),
      );
      const refused = new WebSocket(webSocketUrl(url), ["confab.v1.json"], { headers: { "x-refuse": "1" } });
      const [code] = (await once(refused, "close")) as [number];
      assert.equal(code, 4004);
      await becomes(() => connected, 4);
      assert.equal(events.length, 0);
      sockets[0]?.close();
      sockets[1]?.terminate();
      sockets[2]?.terminate();
      await becomes(() => events.length, 3);
      assert.ok(events.every(({ caller }) => caller.user === "ann" && caller.transport === "websocket"));
      const outcomes = await ask(["on Converse"], url);
      await becomes(() => events.length, 3 + outcomes.size);
      assert.equal(events.at(-1)?.caller.transport, "grpc");
    });

    it("occupied and vacated: a room's first reader and its last one, named or not", async (t) => {
      const told: string[] = [];
      const { url } = await hookedServer(t, form, {
        occupied: ({ room }: OccupancyEvent) => void told.push(`+${room}`),
        vacated: ({ room }: OccupancyEvent) => void told.push(`-${room}`),
      });
      const first = await Frames.open(url, ["confab.v1.json"]);
      assert.equal(await first.ask({ subscribe: { reader: { room: "den" } } }), "subscribed");
      await becomes(() => told, ["+den"]);
      const second = await Frames.open(url, ["confab.v1.json"]);
      assert.equal(await second.ask({ subscribe: { reader: { room: "den", name: "ann" } } }), "subscribed");
      first.socket.terminate();
      assert.equal(await second.ask({ subscribe: { reader: { room: "lair" } } }), "subscribed");
      await becomes(() => told, ["+den", "+lair"]);
      second.socket.terminate();
      await becomes(() => [...told].sort(), ["+den", "+lair", "-den", "-lair"]);
    });

    for (const onFailure of ["closed", "open"] as const) {
      it(`a hook that fails and is ${onFailure}: the same on every transport`, async (t) => {
        const run = () => {
          throw new Error("the reason is for the log");
        };
        const { url, lines } = await hookedServer(t, form, {
          subscribe: { run, onFailure },
          send: { run, onFailure },
          signal: { run, onFailure },
        });
        const outcomes = await ask(
          ["Send", "send", "Stream", "subscribe on", "/stream", "signal", "plain", "POST"],
          url,
        );
        const expected = onFailure === "open" ? "done" : "HOOK_FAILED";
        assert.deepEqual(
          [...outcomes].filter(([, outcome]) => outcome !== expected),
          [],
        );
        const told = await (await post(url, "/v1/rooms/den/messages", { user: "ann", text: "hi" })).text();
        assert.ok(!told.includes("the reason"));
        assert.match(lines.join("\n"), /a hook failed/);
      });
    }

    it("a hook that never answers fails after its time, and a hook that does not count lets all go on", async (t) => {
      const never = () => new Promise<never>(() => undefined);
      const { url } = await hookedServer(t, form, {
        send: { run: never, timeoutMs: 100, onFailure: "open" },
        signal: { run: never, timeoutMs: 100 },
        connect: { run: never, timeoutMs: 100, onFailure: "open" },
        disconnect: { run: never, timeoutMs: 100 },
      });
      assert.equal(await codeOf(await post(url, "/v1/rooms/den/messages", { user: "ann", text: "hi" })), "done");
      assert.equal(
        await codeOf(await post(url, "/v1/rooms/den/signals", { user: "ann", kind: "typing" })),
        "HOOK_FAILED",
      );
    });
  });
}
