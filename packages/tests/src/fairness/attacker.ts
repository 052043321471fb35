// A process that does one attack after another: it is sent an `AttackOrder`, and sends its `AttackResult`.
import { once } from "node:events";
import { connect as connectHttp2, constants } from "node:http2";
import { EnvelopeReader, enveloped } from "@confab/contract";
import { WebSocket } from "ws";
import { openSocket } from "../fixture/open-socket.js";
import { type AttackOrder, type AttackResult, connections } from "./attack.js";

process.on("message", (order: AttackOrder) => {
  attack(order).then(
    (result) => process.send?.(result),
    (error: unknown) => process.send?.({ failure: String(error) }),
  );
});

class Count implements AttackResult {
  readonly answers: Record<string, number> = {};
  requestBytes = 0;
  replyBytes = 0;

  add(answer: string, times = 1): void {
    this.answers[answer] = (this.answers[answer] ?? 0) + times;
  }
}

async function attack(order: AttackOrder): Promise<AttackResult> {
  const count = new Count();
  const connection = order.carrier.startsWith("ws") ? overWebSocket : order.carrier === "h1" ? pipelined : overHttp2;
  await Promise.all(Array.from({ length: connections }, () => connection(order, count)));
  for (let i = 0; i < order.times; i++) count.requestBytes += connections * (bodyOf(order, i)?.length ?? 0);
  return count;
}

function bodyOf({ bodies }: AttackOrder, index: number): Uint8Array | undefined {
  return bodies[index % bodies.length];
}

/** Windows that never hold an answer back. */
const windowBytes = 2 ** 31 - 1;

async function overHttp2(order: AttackOrder, count: Count): Promise<void> {
  const { carrier, times, path, method, headers } = order;
  const session = connectHttp2(`http://127.0.0.1:${order.port}`, { settings: { initialWindowSize: windowBytes } });
  await once(session, "connect");
  session.setLocalWindowSize(windowBytes);
  const isBidi = carrier === "h2-messages";
  const request = async (body: Uint8Array | undefined) => {
    const stream = session.request({ ":path": path, ":method": method, ...headers });
    stream.end(body);
    stream.on("response", (fields) => isBidi || count.add(String(fields[":status"])));
    const messages = new EnvelopeReader(2 ** 30, (flags) => flags === 0 && count.add("message"), ignore);
    stream.on("data", (bytes: Buffer) => {
      count.replyBytes += bytes.length;
      if (isBidi) messages.push(bytes);
      if (carrier === "h2-streams") stream.close(constants.NGHTTP2_CANCEL);
    });
    await once(stream, "close");
  };
  if (isBidi)
    await request(Buffer.concat(Array.from({ length: times }, (_, i) => enveloped(0, bodyOf(order, i) ?? noBytes))));
  else await Promise.all(Array.from({ length: times }, (_, i) => request(bodyOf(order, i))));
  session.close();
  await once(session, "close");
}

async function pipelined(order: AttackOrder, count: Count): Promise<void> {
  const { times, path, method, headers, port } = order;
  const request = (index: number): Buffer => {
    const body = bodyOf(order, index) ?? noBytes;
    const isLast = index === times - 1;
    const fields = {
      host: "127.0.0.1",
      ...headers,
      "content-length": body.length,
      ...(isLast && { connection: "close" }),
    };
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
    return Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`), body]);
  };
  const socket = openSocket(`http://127.0.0.1:${port}`);
  await once(socket, "connect");
  let tail = "";
  socket.on("data", (bytes: Buffer) => {
    count.replyBytes += bytes.length;
    const text = tail + bytes.toString("latin1");
    for (const [, status = ""] of text.matchAll(/HTTP\/1\.1 (\d{3}) /g)) count.add(status);
    tail = text.slice(1 - "HTTP/1.1 200 ".length);
  });
  socket.write(Buffer.concat(Array.from({ length: times }, (_, i) => request(i))));
  await once(socket, "close");
}

/** Frames that answer begin with the number of their request; others are pushed. A plain message comes back to its sender. */
async function overWebSocket(order: AttackOrder, count: Count): Promise<void> {
  const { carrier, port, path, times, isUnanswered = false } = order;
  const isPlain = carrier === "ws-plain";
  const isText = carrier !== "ws-proto";
  const protocols = isPlain ? [] : [`confab.v1.${isText ? "json" : "proto"}`];
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocols, { headers: order.headers });
  let missing = isUnanswered ? 1 : times;
  socket.on("message", (bytes: Buffer) => {
    count.replyBytes += bytes.length;
    if (!isPlain && !(isText ? bytes.subarray(0, 11).equals(requestMember) : bytes[0] === requestTag)) return;
    count.add("message");
    missing -= 1;
    if (missing === 0) socket.close();
  });
  await once(socket, "open");
  for (let i = 0; i < times; i++) socket.send(bodyOf(order, i) ?? "", { binary: !isText });
  // Its answer tells that those before it have been read.
  if (isUnanswered) socket.send(isText ? `{"request":1,"authenticate":{}}` : endFrame, { binary: !isText });
  await once(socket, "close");
}

const requestMember = Buffer.from('{"request":');
const requestTag = 0x08;
/** ClientFrame `{request: 1, authenticate: {}}`. */
const endFrame = Uint8Array.of(requestTag, 1, 0x3a, 0);
const noBytes = new Uint8Array(0);

function ignore(): void {
  // A message larger than a gigabyte does not come.
}
