// Stock clients on a page that read a room and send to it by tokens which expire every few seconds: connect-web, EventSource
// and WebSocket, with their default settings.

import { ChatService } from "@confab/contract/gen/confab/v1/chat_service_pb";
import { ErrorInfoSchema } from "@confab/contract/gen/google/rpc/error_details_pb";
import { ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";

// The plan of a conversation has the fields `url`, `room`, `user`, `after` (epoch:offset), `seconds`, `intervalMs` and `last`, the text
// of the last message. The page's server answers /token with a new token, and /cookie with one in a cookie.

const delay = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Tests put another one here on pages whose server gives no tokens. */
globalThis.newToken ??= async (user, seconds = "") => (await fetch(`/token?user=${user}&seconds=${seconds}`)).text();

/** How long the tokens live of a client that is never late with the next one: long enough for a busy machine, in seconds. */
const renewedTokenSeconds = 10;

/** Holds a token until it is told that it has expired. */
class Tokens {
  #held;

  constructor(user) {
    this.user = user;
  }

  current() {
    this.#held ??= globalThis.newToken(this.user);
    return this.#held;
  }

  forget() {
    this.#held = undefined;
  }
}

/** What a client has seen: the test judges it. */
class Conversation {
  received = [];
  sent = [];
  expired = { reads: 0, sends: 0 };
  /** Close codes of a WebSocket. */
  closes = [];
  /** How often it has shown another token on its connection. */
  renewals = 0;
  isOver = new Promise((resolve) => {
    this.end = resolve;
  });

  constructor(plan) {
    this.plan = plan;
  }

  receive({ id, text, position }) {
    if (this.received.at(-1)?.text === this.plan.last) return;
    this.received.push({ id, text, position });
    if (text === this.plan.last) this.end();
  }

  /** Send one message after another: `send` resolves once the message is stored. */
  async sendAll(send) {
    const { user, seconds, intervalMs, last } = this.plan;
    const endMs = Date.now() + seconds * 1000;
    for (let isLast = false; !isLast; ) {
      await delay(intervalMs);
      isLast = Date.now() > endMs;
      const id = `${user}-${this.sent.length}`;
      await send(id, isLast ? last : id);
      this.sent.push(id);
    }
  }

  get outcome() {
    const { received, sent, expired, closes, renewals } = this;
    return { received, sent, expired, closes, renewals };
  }
}

const positionFrom = (text) => {
  const [epoch, offset] = text.split(":");
  return { epoch: Number(epoch), offset };
};
const jsonOf = ({ epoch, offset }) => ({ epoch, offset: `${offset}` });

const withToken = (tokens) => (next) => async (request) => {
  request.header.set("authorization", `Bearer ${await tokens.current()}`);
  return next(request);
};

const isExpired = (error) =>
  ConnectError.from(error)
    .findDetails(ErrorInfoSchema)
    .some(({ reason }) => reason === "TOKEN_EXPIRED");

async function byGeneratedClient(createTransport, plan) {
  const clientWith = (tokens) =>
    createClient(ChatService, createTransport({ baseUrl: plan.url, interceptors: [withToken(tokens)] }));
  // Each with its own token, so that each is refused: a page in the background sends so seldom that its reader is mostly first.
  const [readTokens, sendTokens] = [new Tokens(plan.user), new Tokens(plan.user)];
  const [reader, sender] = [clientWith(readTokens), clientWith(sendTokens)];
  const conversation = new Conversation(plan);
  const { room, last } = plan;

  const read = async () => {
    const from = positionFrom(plan.after);
    let after = { epoch: from.epoch, offset: BigInt(from.offset) };
    for (;;) {
      try {
        for await (const { id, text, position } of reader.streamMessages({ room, after })) {
          after = position;
          conversation.receive({ id, text, position: jsonOf(position) });
          if (text === last) return;
        }
      } catch (error) {
        if (!isExpired(error)) throw error;
        conversation.expired.reads++;
        readTokens.forget();
      }
    }
  };

  const send = async (id, text) => {
    for (;;) {
      try {
        return await sender.sendMessage({ room, id, text });
      } catch (error) {
        if (!isExpired(error)) throw error;
        conversation.expired.sends++;
        sendTokens.forget();
      }
    }
  };

  await Promise.all([read(), conversation.sendAll(send)]);
  return conversation.outcome;
}

/** @param renew puts the next token into the cookie. @param renewsOnExpiry whether to call it when the server says that the old one expired. */
async function byEvents(plan, renew, renewsOnExpiry) {
  const { url, room } = plan;
  const conversation = new Conversation(plan);
  await renew();

  const source = new EventSource(`${url}/v1/rooms/${room}/stream?after=${plan.after}`, { withCredentials: true });
  source.addEventListener("message", ({ data }) => conversation.receive(JSON.parse(data)));
  source.addEventListener("error", async ({ data }) => {
    // Without data the connection was lost: the browser comes back by itself, and gives its last position.
    const code = data && JSON.parse(data).code;
    if (code === "TOKEN_EXPIRED") {
      conversation.expired.reads++;
      if (renewsOnExpiry) await renew();
    }
  });

  const send = async (id, text) => {
    for (;;) {
      const response = await fetch(`${url}/v1/rooms/${room}/messages`, {
        method: "POST",
        credentials: "include",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ id, text }),
      });
      if (response.ok) return;
      const { code } = (await response.json()).error;
      // A cookie that is over is not sent any more.
      if (code !== "TOKEN_EXPIRED" && code !== "UNAUTHENTICATED") throw new Error(code);
      conversation.expired.sends++;
      if (renewsOnExpiry) await renew();
      else await delay(plan.intervalMs);
    }
  };

  const failed = new Promise((_, reject) => {
    source.addEventListener("error", ({ data }) => {
      if (source.readyState === EventSource.CLOSED) reject(new Error(`EventSource has given up: ${data}`));
    });
  });
  await Promise.race([failed, Promise.all([conversation.isOver, conversation.sendAll(send)])]);
  source.close();
  return conversation.outcome;
}

/** The page's server sets the cookie, which ends with its token. The page asks every five seconds, sometimes too late. */
async function byLateCookie(plan) {
  const renew = () => fetch(`/cookie?user=${plan.user}`);
  const timer = setInterval(renew, 5_000);
  try {
    return await byEvents(plan, renew, false);
  } finally {
    clearInterval(timer);
  }
}

/** The page sets the cookie. */
function byOwnCookie(plan) {
  return byEvents(
    plan,
    async () => {
      // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is not in every browser.
      document.cookie = `confab_token=${await globalThis.newToken(plan.user)}; path=/; samesite=strict`;
    },
    true,
  );
}

const socketUrl = (url, query = "") => `${url.replace("http", "ws")}/chat${query}`;

/** JSON frames on one connection for the whole time: the next token is shown before the old one expires. */
async function byRenewedSocket(plan) {
  const conversation = new Conversation(plan);
  const { room, user } = plan;
  const token = await globalThis.newToken(user, renewedTokenSeconds);
  const socket = new WebSocket(socketUrl(plan.url), ["confab.v1.json", `confab.token.${token}`]);
  const answers = new Map();
  let requests = 0;

  const ask = (frame) =>
    new Promise((resolve, reject) => {
      const request = ++requests;
      answers.set(request, ({ error, ...answer }) => (error ? reject(new Error(error.code)) : resolve(answer)));
      socket.send(JSON.stringify({ request, ...frame }));
    });

  socket.addEventListener("message", ({ data }) => {
    const frame = JSON.parse(data);
    for (const message of frame.messages?.messages ?? []) conversation.receive(message);
    answers.get(frame.request)?.(frame);
    answers.delete(frame.request);
  });
  const closed = new Promise((_, reject) => {
    socket.addEventListener("close", ({ code, reason }) => reject(new Error(`closed with ${code}: ${reason}`)));
  });
  await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
  await ask({ subscribe: { reader: { room, after: positionFrom(plan.after) } } });
  const renewing = setInterval(async () => {
    await ask({ authenticate: { token: await globalThis.newToken(user, renewedTokenSeconds) } });
    conversation.renewals++;
  }, 2_000);
  const send = (id, text) => ask({ send: { room, id, text } });
  try {
    await Promise.race([closed, Promise.all([conversation.isOver, conversation.sendAll(send)])]);
  } finally {
    clearInterval(renewing);
    socket.close();
  }
  return conversation.outcome;
}

/** A connection after the other: each ends with its token, with close code 4002, and the next one reads on. */
async function byNewSockets(plan, open) {
  const conversation = new Conversation(plan);
  const tokens = new Tokens(plan.user);
  let after = plan.after;
  /** The message that is being sent. */
  let sending;
  let socket;
  let isDone = false;
  let fail;
  const failed = new Promise((_, reject) => {
    fail = reject;
  });

  const receive = (message) => {
    after = `${message.position.epoch}:${message.position.offset}`;
    conversation.receive(message);
  };
  const stored = (id) => {
    if (sending?.id === id) sending.resolve();
  };
  const refused = ({ code }) => {
    if (code === "TOKEN_EXPIRED") conversation.expired.sends++;
    else fail(new Error(code));
  };
  const connect = async () => {
    const token = await tokens.current();
    socket = open({ token, after, receive, stored, refused, resend: () => sending?.begin() });
    socket.addEventListener("close", ({ code }) => {
      if (isDone) return;
      conversation.closes.push(code);
      if (code !== 4002) return fail(new Error(`closed with ${code}`));
      conversation.expired.reads++;
      // Every other time with the token that has expired, which ends as the connection before has.
      if (conversation.closes.length % 2 === 0) tokens.forget();
      connect().catch(fail);
    });
  };
  const send = (id, text) =>
    new Promise((resolve) => {
      sending = { id, resolve, begin: () => socket.readyState === WebSocket.OPEN && socket.say({ id, text }) };
      sending.begin();
    }).finally(() => {
      sending = undefined;
    });

  await connect();
  await Promise.race([failed, Promise.all([conversation.isOver, conversation.sendAll(send)])]);
  isDone = true;
  socket.close();
  return conversation.outcome;
}

function openFrames({ url, room }, { token, after, receive, stored, refused, resend }) {
  const socket = new WebSocket(socketUrl(url), ["confab.v1.json", `confab.token.${token}`]);
  const ask = (request, frame) => socket.send(JSON.stringify({ request, ...frame }));
  // A refused subscription closes the connection: its token has expired.
  socket.addEventListener("open", () => ask(1, { subscribe: { reader: { room, after: positionFrom(after) } } }));
  socket.addEventListener("message", ({ data }) => {
    const { request, subscribed, messages, ack, error } = JSON.parse(data);
    if (subscribed) resend();
    for (const message of messages?.messages ?? []) receive(message);
    if (ack) stored(ack.id);
    if (error && request !== 1) refused(error);
  });
  socket.say = ({ id, text }) => ask(2, { send: { room, id, text } });
  return socket;
}

/** The tutorials' shape acknowledges nothing: a message is stored once it comes back. */
function openPlain({ url, room }, { token, after, receive, stored, refused, resend }) {
  const query = `?room=${room}&after=${after}`;
  const socket = new WebSocket(socketUrl(url, query), ["confab.v1.plain", `confab.token.${token}`]);
  socket.addEventListener("open", resend);
  socket.addEventListener("message", ({ data }) => {
    const { error, ...message } = JSON.parse(data);
    if (error) return refused(error);
    receive(message);
    stored(message.id);
  });
  socket.say = (message) => socket.send(JSON.stringify(message));
  return socket;
}

const clients = {
  "connect-web, Connect": (plan) => byGeneratedClient(createConnectTransport, plan),
  "connect-web, gRPC-Web": (plan) => byGeneratedClient(createGrpcWebTransport, plan),
  "EventSource, cookie of the page's server": byLateCookie,
  "EventSource, cookie of the page": byOwnCookie,
  "WebSocket, renewed": byRenewedSocket,
  "WebSocket, frames": (plan) => byNewSockets(plan, (deps) => openFrames(plan, deps)),
  "WebSocket, plain": (plan) => byNewSockets(plan, (deps) => openPlain(plan, deps)),
};

globalThis.converse = (name, plan) => clients[name](plan);
