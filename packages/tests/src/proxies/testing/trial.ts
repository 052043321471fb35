import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { type ChatMessage, type Client, connect, type TransportName } from "@confab/client/node";

/** Every transport of the SDK, in the order of the tables. */
export const transports: readonly TransportName[] = [
  "websocket-plain",
  "websocket-json",
  "websocket-proto",
  "sse",
  "connect",
  "grpc-web",
  "grpc",
];

/**
 * What a transport did through a proxy. `reconnects`: it works, and the client had to connect again during the idle time.
 * `blocked`: no connection at all. Otherwise what failed first.
 */
export type Outcome =
  | "works"
  | "reconnects"
  | "blocked"
  | "live failed"
  | "idle failed"
  | "resume failed"
  | "page failed";

export interface TrialOptions {
  /** The proxy, and the server behind it. */
  readonly proxyUrl: string;
  readonly serverUrl: string;
  readonly transport: TransportName;
  /** How long nothing is sent: longer than the proxy's timeout. */
  readonly idleMs: number;
  /** For the proxy's certificate. */
  readonly ca?: string | undefined;
}

/**
 * A message must arrive within this many milliseconds while nothing else is sent. It is shorter than any timeout of a
 * proxy's defaults, whose cut would also bring a message that a proxy held back.
 */
const arrivalMs = 10_000;

/** Messages of the large page, and characters of each: more than a proxy buffers in memory, more than one page. */
const [pageMessages, pageCharacters] = [40, 60_000];

/** Send and read through a proxy as an application would: live, after an idle time, resumed, and a large page. */
export async function tryTransport(options: TrialOptions): Promise<Outcome> {
  const { proxyUrl, serverUrl, transport, idleMs, ca } = options;
  const name = `proxy-${randomUUID()}`;
  const direct = connect({ url: serverUrl, user: "sender", transport: "websocket-proto" });
  const client = connect({ url: proxyUrl, user: "reader", transport, ca, reconnect: { maxAttempts: 2 } });
  let reconnects = 0;
  client.on("state", ({ name: state }) => {
    if (state === "reconnecting") reconnects += 1;
  });
  try {
    const sender = direct.room(name);
    const started = await sender.send("first");
    const reader = new Reader(client, name, started.position);
    if (!(await isLive(client))) return "blocked";
    if (!(await reader.receives(await sender.send("live").then(({ position }) => position)))) return "live failed";
    await delay(idleMs);
    if (!(await reader.receives(await sender.send("after idling").then(({ position }) => position))))
      return "idle failed";
    const { position: last } = await sender.send("the last one that it reads");
    if (!(await reader.receives(last))) return "live failed";
    reader.stop();
    const missed = await Promise.all([1, 2, 3].map((count) => sender.send(`missed ${count}`)));
    const second = new Reader(client, name, last);
    if (!(await second.receives(missed.at(-1)?.position ?? ""))) return "resume failed";
    assert.deepEqual(
      second.positions,
      missed.map(({ position }) => position),
    );
    second.stop();
    await Promise.all(Array.from({ length: pageMessages }, () => sender.send("x".repeat(pageCharacters))));
    if (!(await readsAll(client, name))) return "page failed";
    return reconnects === 0 ? "works" : "reconnects";
  } finally {
    client.close();
    direct.close();
  }
}

/** Whether a client gets through, or gave up. */
async function isLive(client: Client): Promise<boolean> {
  while (client.state.name !== "live") {
    if (client.state.name === "closed") return false;
    await new Promise<void>((resolve) => {
      client.on("state", () => resolve());
    });
  }
  return true;
}

/** The whole room by pages, each as large as the server gives it. */
async function readsAll(client: Client, name: string): Promise<boolean> {
  const room = client.room(name);
  let characters = 0;
  let page = await room.history({ limit: 1000, oldestFirst: true });
  while (page.messages.length > 0) {
    for (const { text } of page.messages) characters += text.length;
    page = await room.history({ limit: 1000, after: page.messages.at(-1)?.position });
  }
  return characters >= pageMessages * pageCharacters;
}

/** Reads a room in the background, and remembers the positions. */
class Reader {
  readonly positions: string[] = [];
  private readonly aborting = new AbortController();
  private wake: () => void = () => undefined;

  constructor(client: Client, name: string, after: string) {
    void this.read(client.room(name).messages({ after, signal: this.aborting.signal }));
  }

  /** Whether the message of a position arrives in time. */
  async receives(position: string): Promise<boolean> {
    const timeout = AbortSignal.timeout(arrivalMs);
    while (!this.positions.includes(position)) {
      if (timeout.aborted) return false;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
        timeout.addEventListener("abort", () => resolve(), { once: true });
      });
    }
    return true;
  }

  stop(): void {
    this.aborting.abort();
  }

  private async read(messages: AsyncIterable<ChatMessage>): Promise<void> {
    try {
      for await (const { position } of messages) {
        this.positions.push(position);
        this.wake();
      }
    } catch {
      // The client gave up, which `isLive` and `receives` report by what did not arrive.
    }
  }
}
