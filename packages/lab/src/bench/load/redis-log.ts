import { createClient } from "@redis/client";
import { benchRoom, chatText, deliveredProtobuf } from "./chat-text.js";
import { FrameSplitter } from "./frame-splitter.js";
import { openLoadSocket } from "./load-socket.js";
import { lastSequence } from "./mark-reader.js";

/*
 * RESP (RESP2), as much of it as a page of a stream needs; each part a frame:
 *
 *     client  *6 $6 XRANGE $5 bench $n (41-0 $1 + $5 COUNT $4 1000           each followed by CRLF
 *     server  *1000, and for each entry  *2 $n 42-0 *2 $1 b $n body          -ERR …: refused
 */

const entriesPerPage = 1_000;
/** XADDs on their way at a time. */
const addedAtOnce = 1_000;
const bodyField = "b";
const crlfBytes = 2;
const bulkString = 0x24;
const error = 0x2d;
/** Of an entry: two arrays' headers, the id, the field's name, the body. */
const partsPerEntry = 5;

/** A stream of Redis with ready bytes in it, read by pages; over a connection of our own, which only counts. */
export class RedisLog {
  readonly #messages: number;
  readonly #socket;
  /** Parts of the page that are to come; -1: its header is. */
  #parts = -1;
  #entries = 0;
  #isChecked = false;
  #read = 0;
  #settle: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined;

  /** `port`: of a Redis that holds those messages, as `filled` leaves them. */
  constructor(port: number, messages: number) {
    this.#messages = messages;
    const splitter = new FrameSplitter(respLength, (bytes, start, end) => this.#onPart(bytes, start, end));
    this.#socket = openLoadSocket({
      port,
      greeting: Buffer.alloc(0),
      read: (bytes, length) => splitter.push(bytes, length),
      lost: (reason) => this.#fail(reason),
    });
  }

  /** Add that many entries to a new stream; entry n is that of message n - 1. @throws Error: Redis refused one. */
  static async filled(port: number, messages: number): Promise<RedisLog> {
    const client = createClient({ url: `redis://127.0.0.1:${port}` });
    await client.connect();
    try {
      for (let first = 0; first < messages; first += addedAtOnce) {
        const batch = Array.from({ length: Math.min(addedAtOnce, messages - first) }, (_, index) => {
          const body = Buffer.from(deliveredProtobuf(chatText(first + index, 0)));
          return client.sendCommand(["XADD", benchRoom, `${first + index + 1}-0`, bodyField, body]);
        });
        await Promise.all(batch);
      }
    } finally {
      client.destroy();
    }
    return new RedisLog(port, messages);
  }

  /** Read all pages, one after the other. @throws Error: an entry was missing, or another one came. */
  async read(isChecked: boolean): Promise<void> {
    this.#isChecked = isChecked;
    this.#read = 0;
    while (this.#read < this.#messages) {
      const before = this.#read;
      await new Promise<void>((resolve, reject) => {
        this.#settle = { resolve, reject };
        this.#socket.write(xrange(before));
      });
      if (this.#read === before) throw new Error(`the page after entry ${before} of ${this.#messages} is empty`);
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  #onPart(bytes: Buffer, start: number, end: number): void {
    if (bytes[start] === error) return this.#fail(bytes.toString("latin1", start, end));
    if (this.#parts === -1) {
      this.#entries = Number(bytes.toString("latin1", start + 1, end - crlfBytes));
      this.#parts = this.#entries * partsPerEntry;
    } else {
      this.#parts -= 1;
      const isBody = this.#parts % partsPerEntry === 0;
      // The page's last body is looked at in any case.
      if (isBody && (this.#isChecked || this.#parts === 0)) this.#check(bytes, start, end);
    }
    if (this.#parts > 0) return undefined;
    this.#parts = -1;
    this.#read += this.#entries;
    return this.#settle?.resolve();
  }

  #check(bytes: Buffer, start: number, end: number): void {
    const due = this.#read + this.#entries - this.#parts / partsPerEntry - 1;
    const found = lastSequence(bytes, start, end);
    if (found !== due) this.#fail(`message ${found} came where ${due} was due`);
  }

  #fail(reason: string): void {
    this.#settle?.reject(new Error(`XRANGE: ${reason}`));
  }
}

/** The page behind entry number `after`; an open interval's beginning has a bracket. */
function xrange(after: number): Buffer {
  const words = ["XRANGE", benchRoom, `(${after}-0`, "+", "COUNT", String(entriesPerPage)];
  return Buffer.from(`*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join("")}`);
}

/** Length of a part: a line, and for a string the bytes behind it; for `FrameSplitter`. */
function respLength(bytes: Buffer, at: number, end: number): number {
  let number = 0;
  let next = at + 1;
  for (; next < end && bytes[next] !== 0x0d; next += 1) number = number * 10 + (bytes[next] ?? 0) - 0x30;
  if (next + crlfBytes > end) return -1;
  const lineBytes = next + crlfBytes - at;
  return bytes[at] === bulkString ? lineBytes + number + crlfBytes : lineBytes;
}
