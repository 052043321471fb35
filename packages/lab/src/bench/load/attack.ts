import { create, toBinary } from "@bufbuild/protobuf";
import { ChatMessageSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { rssBytesOf } from "../process-stats.js";
import { becomesTrue, nowUs, sleep } from "./clock.js";
import { callFrames, callHeaders, sendMessagePath } from "./grpc-calls.js";
import { Http2Connection } from "./http2-connection.js";
import { clientPreface, flags, frameTypes, http2Frame, literalHeaders, maxWindowBytes } from "./http2-frames.js";
import { openLoadSocket } from "./load-socket.js";

/** One client that asks for all that it can get on one HTTP/2 connection. */
export interface AttackLoad {
  readonly port: number;
  readonly serverPid: number;
  /**
   * - `history`: batches of requests for pages of 1,000 messages, one after another
   * - `rooms`: the same for pages of 1,000 rooms
   * - `unread`: 600 requests for pages of history, of which the client takes nothing
   * - `none`: nothing, for the run to compare with
   */
  readonly attack: AttackName;
  /** When it begins, in milliseconds since 1970. */
  readonly startUnixMs: number;
  /** When it ends at the latest. */
  readonly toUnixMs: number;
}

export type AttackName = "history" | "rooms" | "unread" | "none";

export interface AttackResult {
  /** Requests that were answered, and the time from the first request. */
  readonly answers: number;
  readonly elapsedUs: number;
  /** The most of the server's RSS, looked at every 50 ms. */
  readonly rssPeakBytes: number;
}

const attackedRoom = "attacked";
/** As many messages, and as many rooms, as one page may hold. */
const pageEntries = 1_000;
const textLength = 500;
const fillTimeoutMs = 20_000;
/** Sends that wait for their answers while the rooms are filled. */
const fillBatch = 100;

const batch = 100;
const unreadRequests = 600;
const sampleMs = 50;

const targets: Record<Exclude<AttackName, "none">, string> = {
  history: `/v1/rooms/${attackedRoom}/messages?limit=${pageEntries}`,
  rooms: `/v1/rooms?limit=${pageEntries}`,
  unread: `/v1/rooms/${attackedRoom}/messages?limit=${pageEntries}`,
};

/** @throws Error: the connection was lost. */
export async function measureAttack(load: AttackLoad, isEnough: () => boolean): Promise<AttackResult> {
  await sleep(Math.max(0, load.startUnixMs - Date.now()));
  const { attack } = load;
  const client = attack === "none" ? undefined : new BatchClient(load.port, attack === "unread" ? 0 : maxWindowBytes);
  const startUs = nowUs();
  let rssPeakBytes = 0;
  try {
    if (client && attack === "unread") client.ask(targets.unread, unreadRequests);
    while (!isEnough() && Date.now() < load.toUnixMs) {
      if (client && attack !== "unread" && attack !== "none" && client.isIdle) client.ask(targets[attack], batch);
      rssPeakBytes = Math.max(rssPeakBytes, rssBytesOf(load.serverPid));
      // A next batch leaves as soon as the last one is answered.
      await becomesTrue(() => attack !== "unread" && client?.isIdle === true, sampleMs);
    }
    if (client?.failure !== undefined) throw new Error(client.failure);
    return { answers: client?.answers ?? 0, elapsedUs: nowUs() - startUs, rssPeakBytes };
  } finally {
    client?.close();
  }
}

/** Many requests at once on one HTTP/2 connection. */
class BatchClient {
  answers = 0;
  failure: string | undefined;
  readonly #socket;
  #nextStream = 1;
  #open = 0;

  constructor(port: number, streamWindowBytes: number) {
    const failed = (reason: string): void => {
      this.failure ??= reason;
    };
    const connection = new Http2Connection({
      settings: () => undefined,
      data: () => undefined,
      ended: () => {
        this.answers += 1;
        this.#open -= 1;
      },
      owed: (bytes) => this.#socket.write(bytes),
      // The requests are fewer bytes than the window that every connection begins with, or have no body.
      granted: () => undefined,
      failed,
    });
    this.#socket = openLoadSocket({
      port,
      greeting: clientPreface(streamWindowBytes),
      read: (bytes, length) => connection.push(bytes, length),
      lost: failed,
    });
  }

  get isIdle(): boolean {
    return this.#open === 0;
  }

  /** GET, so many times, in one write. */
  ask(path: string, times: number): void {
    const headers = literalHeaders([
      [":method", "GET"],
      [":scheme", "http"],
      [":path", path],
      [":authority", "127.0.0.1"],
    ]);
    this.#write(times, (stream) => http2Frame(frameTypes.headers, flags.endHeaders | flags.endStream, stream, headers));
  }

  /** SendMessage, in one write. */
  send(messages: readonly Uint8Array[]): void {
    const headers = callHeaders(sendMessagePath);
    this.#write(messages.length, (stream, index) => callFrames(stream, headers, messages[index] ?? new Uint8Array(0)));
  }

  close(): void {
    this.#socket.destroy();
  }

  #write(times: number, request: (stream: number, index: number) => Buffer): void {
    const frames = Array.from({ length: times }, (_, index) => request(this.#nextStream + 2 * index, index));
    this.#nextStream += 2 * times;
    this.#open += times;
    this.#socket.write(Buffer.concat(frames));
  }
}

export interface AttackedLoad {
  readonly port: number;
}

/**
 * Make what is asked for expensive: a room with as many messages as a page holds, and as many rooms. @throws Error: the
 * server did not take them.
 */
export async function fillAttacked({ port }: AttackedLoad): Promise<Record<string, never>> {
  const rooms = Array.from({ length: 2 * pageEntries }, (_, i) => (i < pageEntries ? attackedRoom : `attacked-${i}`));
  for (let at = 0; at < rooms.length; at += fillBatch) {
    // A connection for each batch, whose bytes fit into the window that it begins with.
    const client = new BatchClient(port, maxWindowBytes);
    client.send(rooms.slice(at, at + fillBatch).map(messageTo));
    const isDone = await becomesTrue(() => client.isIdle || client.failure !== undefined, fillTimeoutMs);
    client.close();
    if (!isDone || client.failure !== undefined)
      throw new Error(`the attacked rooms could not be filled: ${client.failure ?? "no answer"}`);
  }
  return {};
}

function messageTo(room: string): Uint8Array {
  return toBinary(
    ChatMessageSchema,
    create(ChatMessageSchema, { user: "mallory", text: "x".repeat(textLength), room }),
  );
}
