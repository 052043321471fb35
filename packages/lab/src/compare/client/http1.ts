import type { Socket } from "node:net";
import { openLoadSocket } from "../../bench/load/load-socket.js";
import { clearBytesOf, handshakeOver } from "./clear-bytes.js";
import type { ConnectionTarget, HttpConnection, HttpReply, HttpRequest } from "./http-types.js";

const crlf = Buffer.from("\r\n");
const headEnd = Buffer.from("\r\n\r\n");

type Step = "head" | "sized" | "chunk-size" | "chunk" | "chunk-end" | "trailers";

/**
 * A client's half of an HTTP/1.1 connection (RFC 9112), one request at a time and no more work than that takes. Nothing is
 * sent that the protocol above does not need: browsers add several hundred bytes of headers to every request.
 */
export class Http1Connection implements HttpConnection {
  headBytesIn = 0;
  headBytesOut = 0;
  readonly #socket: Socket;
  readonly #target: ConnectionTarget;
  #reply: HttpReply | undefined;
  #step: Step = "head";
  #status = 0;
  #remaining = 0;
  #held = Buffer.alloc(0);

  constructor(target: ConnectionTarget) {
    this.#target = target;
    this.#socket = openLoadSocket({
      port: target.port,
      tls: target.ca === undefined ? undefined : { ca: target.ca, protocol: "http/1.1" },
      greeting: Buffer.alloc(0),
      read: (bytes, length) => this.#read(bytes.subarray(0, length)),
      lost: (reason) => this.#fail(reason),
    });
  }

  get isFree(): boolean {
    return this.#reply === undefined;
  }

  get clearBytes(): number {
    return clearBytesOf(this.#socket);
  }

  opened(): Promise<void> {
    return handshakeOver(this.#socket, this.#target);
  }

  request({ method, path, headers, body }: HttpRequest, reply: HttpReply): void {
    const lines = [`${method} ${path} HTTP/1.1`, "host: 127.0.0.1"];
    for (const [name, value] of headers) lines.push(`${name}: ${value}`);
    if (body !== undefined) lines.push(`content-length: ${body.length}`);
    const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
    this.headBytesOut += head.length;
    this.#reply = reply;
    this.#socket.write(body === undefined ? head : Buffer.concat([head, body]));
  }

  close(): void {
    this.#socket.destroy();
  }

  #fail(reason: string): void {
    const reply = this.#reply;
    this.#reply = undefined;
    this.#socket.destroy();
    if (reply === undefined) this.#target.lost(reason);
    else reply.failed(reason);
  }

  #read(bytes: Buffer): void {
    let rest = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    while (rest.length > 0) {
      const left = this.#take(rest);
      if (left === undefined) break;
      rest = left;
    }
    // The socket's buffer is used again: what is kept is copied.
    this.#held = Buffer.from(rest);
  }

  /** Take the next part and return the rest, or `undefined` when the part is not complete yet. */
  #take(bytes: Buffer): Buffer | undefined {
    switch (this.#step) {
      case "head":
        return this.#takeHead(bytes);
      case "sized":
      case "chunk":
        return this.#takeBody(bytes);
      case "chunk-size":
        return this.#takeChunkSize(bytes);
      case "chunk-end":
        return this.#takeLine(bytes, "chunk-size");
      case "trailers":
        // Confab sends none on HTTP/1.1: an empty line ends the answer.
        return this.#takeLine(bytes, "head", true);
    }
  }

  #takeHead(bytes: Buffer): Buffer | undefined {
    const end = bytes.indexOf(headEnd);
    if (end === -1) return undefined;
    const head = bytes.toString("latin1", 0, end).toLowerCase();
    this.headBytesIn += end + headEnd.length;
    this.#status = Number(head.slice(9, 12));
    const length = /^content-length: *([0-9]+)/m.exec(head)?.[1];
    this.#step = length === undefined ? "chunk-size" : "sized";
    this.#remaining = Number(length ?? 0);
    if (this.#status < 400) this.#reply?.head();
    if (length === "0") this.#end();
    return bytes.subarray(end + headEnd.length);
  }

  #takeBody(bytes: Buffer): Buffer {
    const taken = Math.min(this.#remaining, bytes.length);
    this.#remaining -= taken;
    this.#reply?.body(bytes.subarray(0, taken));
    if (this.#remaining === 0) {
      if (this.#step === "chunk") this.#step = "chunk-end";
      else this.#end();
    }
    return bytes.subarray(taken);
  }

  #takeChunkSize(bytes: Buffer): Buffer | undefined {
    const end = bytes.indexOf(crlf);
    if (end === -1) return undefined;
    this.#remaining = Number.parseInt(bytes.toString("latin1", 0, end), 16);
    this.#step = this.#remaining === 0 ? "trailers" : "chunk";
    return bytes.subarray(end + crlf.length);
  }

  #takeLine(bytes: Buffer, next: Step, isLast = false): Buffer | undefined {
    if (bytes.length < crlf.length) return undefined;
    this.#step = next;
    if (isLast) this.#end();
    return bytes.subarray(crlf.length);
  }

  #end(): void {
    const reply = this.#reply;
    this.#step = "head";
    this.#reply = undefined;
    if (this.#status >= 400) reply?.failed(`HTTP ${this.#status}`);
    else reply?.ended();
  }
}
