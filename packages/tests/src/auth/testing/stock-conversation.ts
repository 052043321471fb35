import assert from "node:assert/strict";
import { connect, type Room } from "@confab/client/node";

/** A message as stock clients receive it, in proto3 JSON. */
interface Received {
  readonly id: string;
  readonly text: string;
  readonly position: { readonly epoch: number; readonly offset: string };
}

/** What a stock client has seen. */
export interface StockOutcome {
  readonly received: readonly Received[];
  /** The ids of what it sent, in order. */
  readonly sent: readonly string[];
  /** How often a stream or a connection, and a send, ended with TOKEN_EXPIRED. */
  readonly expired: { readonly reads: number; readonly sends: number };
  /** Close codes of WebSockets. */
  readonly closes?: readonly number[];
  /** How often it has shown another token on one connection. */
  readonly renewals?: number;
}

/** What a stock client is asked to do; each writes it in its own form. */
export interface StockPlan {
  readonly room: string;
  readonly user: string;
  /** It reads from here on. */
  readonly after: Received["position"];
  readonly seconds: number;
  readonly intervalMs: number;
  /** The text of its last message. It reads as far as that. */
  readonly last: string;
}

/** How long clients send, in seconds. */
const seconds = 60;
const intervalMs = 150;
const last = "the last message";

/** Browsers let pages in the background wake up once a second, so that some clients send no faster. */
const leastSent = 20;

/** Where to converse, and by what. */
export interface StockRoom {
  readonly url: string;
  /** The server's certificate, over TLS. */
  readonly ca?: string;
  /** A token that lasts, for the other one who writes the room. */
  readonly token: string;
  /** The client's user. */
  readonly user: string;
}

/**
 * Let a client read and write a room that another one writes too, and compare what it has seen with the log.
 *
 * @throws AssertionError: a message came twice, too late or not at all, or was not stored, or was stored twice.
 */
export async function converseInRoom(
  { url, ca, token, user }: StockRoom,
  run: (plan: StockPlan) => Promise<StockOutcome>,
): Promise<StockOutcome> {
  const room = `room-of-${user}`;
  const other = connect({ url, ca, token: () => token, user: "other" });
  try {
    const first = await other.room(room).send("before the client reads");
    // A send fails only when the client is closed below; what is not in the log is not expected.
    const talk = () => void other.room(room).send("meanwhile").catch(String);
    const talking = setInterval(talk, intervalMs);
    const after = positionFrom(first.position);
    const outcome = await run({ room, user, after, seconds, intervalMs, last }).finally(() => clearInterval(talking));

    const log = await logFrom(other.room(room), first.position);
    assertSame(outcome.received.map(shown), log.map(shown), "what it received, and the log");
    const stored = log.map(({ id }) => id).filter((id) => id.startsWith(`${user}-`));
    assertSame(stored, outcome.sent, "what it sent, and what is stored of it");
    assert.ok(stored.length >= leastSent, `it sent ${stored.length} messages`);
    assert.ok(log.length > stored.length, "others sent messages meanwhile");
    return outcome;
  } finally {
    other.close();
  }
}

/** The messages after a position, as far as the last one. */
async function logFrom(room: Room, position: string): Promise<readonly Received[]> {
  const log: Received[] = [];
  for (let after = position; ; ) {
    const { messages } = await room.history({ limit: 500, oldestFirst: true, after });
    for (const { id, text, position } of messages) {
      log.push({ id, text, position: positionFrom(position) });
      if (text === last) return log;
    }
    after = messages.at(-1)?.position ?? assert.fail("the last message is not in the log");
  }
}

function shown({ id, text, position }: Received): string {
  return `${position.epoch}:${position.offset} ${id} ${text}`;
}

/** Of lists with hundreds of lines the first difference says enough. */
function assertSame(actual: readonly string[], expected: readonly string[], what: string): void {
  const length = Math.max(actual.length, expected.length);
  const index = Array.from({ length }, (_, at) => at).find((at) => actual[at] !== expected[at]);
  if (index === undefined) return;
  const [from, to] = [Math.max(0, index - 2), index + 3];
  assert.deepEqual(actual.slice(from, to), expected.slice(from, to), `${what}, from line ${from}`);
}

function positionFrom(text: string): Received["position"] {
  const [epoch, offset = ""] = text.split(":");
  return { epoch: Number(epoch), offset };
}
