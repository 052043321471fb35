import { create, toBinary } from "@bufbuild/protobuf";
import { UserSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { createClient } from "@redis/client";
import { percentile } from "../statistics.js";
import { nowUs, sleep } from "./clock.js";
import { callFrames, callHeaders, streamMessagesPath } from "./grpc-calls.js";
import { Http2Connection } from "./http2-connection.js";
import { clientPreface } from "./http2-frames.js";
import { openLoadSocket } from "./load-socket.js";

/** Members of one room, spread over nodes, one of which is killed in the end. */
export interface PresenceLoad {
  readonly nodes: readonly { readonly port: number; readonly pid: number }[];
  readonly redisUrl: string;
  readonly members: number;
}

export interface PresenceResult {
  /** From the first call to the moment at which every node counts everybody. */
  readonly enteredUs: number;
  /** How long a node takes to say how many there are, with one of them; over HTTP and Redis. */
  readonly countP50Us: number;
  readonly countP99Us: number;
  /** The same for a page of 100 at a place somewhere among them. */
  readonly pageP50Us: number;
  readonly pageP99Us: number;
  /** What Redis' memory has grown by, over the members. */
  readonly redisBytesPerMember: number;
  /** From the kill to the moment at which the others count a member of the dead node no more. */
  readonly goneUs: number;
}

const room = "crowd";
const pageLimit = 100;
const questions = 500;

/** Calls on one connection: what a server allows by default, less some. */
const callsPerConnection = 900;
/** Calls written at a time, so that they do not wait for each other in a socket. */
const callsPerWrite = 50;
const timeoutMs = 240_000;
const askAgainMs = 20;

/** @throws Error: a connection was lost, or the counts did not come to be right. */
export async function measurePresence({ nodes, redisUrl, members }: PresenceLoad): Promise<PresenceResult> {
  const redis = createClient({ url: redisUrl });
  await redis.connect();
  const usedBytes = async () => Number(/^used_memory:([0-9]+)/m.exec(await redis.info("memory"))?.[1]);
  const readers = nodes.map(({ port }) => new Readers(port));
  const dying = nodes.at(-1);
  if (dying === undefined) throw new Error("there is no node");
  try {
    const bytesBefore = await usedBytes();
    const beganUs = nowUs();
    for (let from = 0; from < members; from += callsPerWrite * nodes.length) {
      for (const [index, reader] of readers.entries()) {
        reader.enter(from + index * callsPerWrite, Math.min(members, from + (index + 1) * callsPerWrite));
      }
      await sleep(0);
    }
    for (const { port } of nodes) await counted(port, members);
    const enteredUs = nowUs() - beganUs;
    const redisBytesPerMember = ((await usedBytes()) - bytesBefore) / members;
    const ports = nodes.map(({ port }) => port);
    const counts = await timed(ports, () => "limit=1");
    const pages = await timed(ports, (question) => {
      return `limit=${pageLimit}&page=${nameOf(Math.floor((members * question) / questions))}`;
    });
    const staying = members - (readers.at(-1)?.entered ?? 0);
    for (const reader of readers) reader.mayBeLost = true;
    process.kill(dying.pid, "SIGKILL");
    const killedUs = nowUs();
    for (const port of ports.slice(0, -1)) await counted(port, staying);
    return {
      enteredUs,
      countP50Us: percentile(counts, 0.5) ?? 0,
      countP99Us: percentile(counts, 0.99) ?? 0,
      pageP50Us: percentile(pages, 0.5) ?? 0,
      pageP99Us: percentile(pages, 0.99) ?? 0,
      redisBytesPerMember,
      goneUs: nowUs() - killedUs,
    };
  } finally {
    for (const reader of readers) reader.close();
    redis.destroy();
  }
}

function nameOf(member: number): string {
  return `member-${String(member).padStart(7, "0")}`;
}

/** The members on one node: StreamMessages calls, many on each connection. */
class Readers {
  entered = 0;
  mayBeLost = false;
  private failure: string | undefined;
  private readonly headers = callHeaders(streamMessagesPath);
  private readonly sockets: ReturnType<typeof openLoadSocket>[] = [];

  constructor(private readonly port: number) {}

  /** Members `from` to `to`, without the last. @throws Error: a connection was lost. */
  enter(from: number, to: number): void {
    if (this.failure !== undefined) throw new Error(this.failure);
    const calls: Buffer[] = [];
    for (let member = from; member < to; member += 1) {
      const call = this.entered % callsPerConnection;
      if (call === 0) {
        this.flush(calls);
        this.sockets.push(this.connect());
      }
      const user = toBinary(UserSchema, create(UserSchema, { name: nameOf(member), room }));
      calls.push(callFrames(1 + 2 * call, this.headers, user));
      this.entered += 1;
    }
    this.flush(calls);
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  private flush(calls: Buffer[]): void {
    if (calls.length > 0) this.sockets.at(-1)?.write(Buffer.concat(calls.splice(0)));
  }

  private connect(): ReturnType<typeof openLoadSocket> {
    const lost = (reason: string): void => {
      if (!this.mayBeLost) this.failure ??= `a connection to port ${this.port} was lost: ${reason}`;
    };
    const connection = new Http2Connection({
      settings: () => undefined,
      data: () => undefined,
      ended: (stream) => lost(`the server ended stream ${stream}`),
      owed: (bytes) => socket.write(bytes),
      granted: () => undefined,
      failed: lost,
    });
    const socket = openLoadSocket({
      port: this.port,
      greeting: clientPreface(),
      read: (bytes, length) => connection.push(bytes, length),
      lost,
    });
    return socket;
  }
}

async function ask(port: number, query: string): Promise<{ total?: number; members?: readonly unknown[] }> {
  const response = await fetch(`http://127.0.0.1:${port}/v1/rooms/${room}/members?${query}`);
  const text = await response.text();
  if (!response.ok) throw new Error(`ListMembers: ${text}`);
  // Our own server's answer, as proto3 JSON: what is 0 is left out.
  return JSON.parse(text) as { total?: number; members?: readonly unknown[] };
}

/** Wait until a node counts so many. */
async function counted(port: number, members: number): Promise<void> {
  const deadlineUs = nowUs() + timeoutMs * 1000;
  for (;;) {
    const { total = 0 } = await ask(port, "limit=1");
    if (total === members) return;
    if (nowUs() > deadlineUs) throw new Error(`port ${port} counts ${total} members instead of ${members}`);
    await sleep(askAgainMs);
  }
}

/** How long each of the questions took, the shortest first. */
async function timed(ports: readonly number[], query: (question: number) => string): Promise<Float64Array> {
  const latenciesUs = new Float64Array(questions);
  for (let question = 0; question < questions; question += 1) {
    const port = ports[question % ports.length] ?? 0;
    const askedUs = nowUs();
    await ask(port, query(question));
    latenciesUs[question] = nowUs() - askedUs;
  }
  return latenciesUs.sort();
}
