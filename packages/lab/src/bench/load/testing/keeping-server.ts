import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import { chatText, deliveredJson } from "../chat-text.js";
import { floorWire, resumeByte } from "../wires/floor.js";

/** What is done to the numbers of the messages that the n-th reader is sent when it asks, from 0. */
export type Fault = (missed: readonly number[], reader: number) => readonly number[];

export const faults: Readonly<Record<"none" | "loses a message" | "repeats a message", Fault>> = {
  none: (missed) => missed,
  "loses a message": (missed) => missed.filter((_, index) => index !== 1),
  "repeats a message": (missed) => missed.flatMap((number, index) => (index === 1 ? [number, number] : [number])),
};

/** A server that keeps messages, in the test's own process; messages are published by the test. */
export interface KeepingServer {
  readonly port: number;
  publish(): void;
  close(): void;
}

type Send = (messages: readonly number[]) => void;

/** The numbers published, and who is sent the next ones. */
class Book {
  published = 0;
  readonly #fault: Fault;
  readonly #live = new Set<Send>();
  #readers = 0;

  constructor(fault: Fault) {
    this.#fault = fault;
  }

  publish(): void {
    const message = this.published;
    this.published += 1;
    for (const send of this.#live) send([message]);
  }

  join(send: Send): void {
    this.#live.add(send);
  }

  joinFrom(first: number, send: Send): void {
    const missed = Array.from({ length: this.published - first }, (_, index) => first + index);
    send(this.#fault(missed, this.#readers));
    this.#readers += 1;
    this.#live.add(send);
  }
}

export async function openKeepingFloor(fault: Fault): Promise<KeepingServer> {
  const book = new Book(fault);
  const sockets = new Set<Socket>();
  const wire = floorWire("grpc");
  const server = createServer((socket) => {
    sockets.add(socket);
    // The load gives a connection up in the midst of what it is sent.
    socket.on("error", () => socket.destroy());
    const send: Send = (messages) =>
      socket.write(Buffer.concat(messages.map((message) => wire.publication(chatText(message, 0), message).bytes)));
    socket.once("data", (asked) => {
      if (asked[0] === resumeByte) book.joinFrom(asked.readUInt32BE(1), send);
      else book.join(send);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    publish: () => book.publish(),
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

const idOf = (message: number): string => `1767268800:${message}`;

export async function openKeepingNchan(fault: Fault): Promise<KeepingServer> {
  return await openWebSocketServer(fault, (book, socket, { url, lastEventId }) => {
    const send: Send = (messages) => {
      for (const message of messages)
        socket.send(`id: ${idOf(message)}\ncontent-type: text/plain\n\n${deliveredJson(chatText(message, 0))}`);
    };
    const last = Array.from({ length: book.published }, (_, message) => idOf(message)).indexOf(lastEventId ?? "");
    if (url === "/history") book.joinFrom(0, send);
    else if (lastEventId === undefined) book.join(send);
    else book.joinFrom(last + 1, send);
  });
}

/** With a request of flow control among the first messages: nothing more is sent until it is answered. */
export async function openKeepingNats(fault: Fault): Promise<KeepingServer> {
  return await openWebSocketServer(fault, (book, socket) => {
    let waiting: string[] | undefined;
    const sendText = (text: string): void => socket.send(Buffer.from(text));
    const send: Send = (messages) => {
      const texts = messages.map((message) => {
        const payload = deliveredJson(chatText(message, 0));
        return `MSG bench 1 $JS.ACK.bench.x.1.${message + 1} ${payload.length}\r\n${payload}\r\n`;
      });
      if (waiting) waiting.push(...texts);
      else sendText(texts.join(""));
    };
    sendText("INFO {}\r\n");
    socket.on("message", (bytes: Buffer) => {
      for (const line of bytes.toString("latin1").split("\r\n")) {
        if (line === "PING") sendText("PONG\r\n");
        if (line === "PUB $JS.FC.bench.1 0") {
          sendText(waiting?.join("") ?? "");
          waiting = undefined;
        }
        if (!line.startsWith('{"stream_name"')) continue;
        const { config } = JSON.parse(line) as { config: { deliver_subject: string; opt_start_seq?: number } };
        const inbox = config.deliver_subject;
        sendText(`MSG ${inbox}.created 2 60\r\n{"type":"io.nats.jetstream.api.v1.consumer_create_response"}\r\n`);
        if (config.opt_start_seq === undefined) {
          book.join(send);
          continue;
        }
        const head = "NATS/1.0 100 FlowControl Request\r\n\r\n";
        sendText(`HMSG ${inbox} 1 $JS.FC.bench.1 ${head.length} ${head.length}\r\n${head}\r\n`);
        waiting = [];
        book.joinFrom(config.opt_start_seq - 1, send);
      }
    });
  });
}

interface Asked {
  readonly url: string | undefined;
  readonly lastEventId: string | undefined;
}

type Join = (book: Book, socket: WebSocket, asked: Asked) => void;

async function openWebSocketServer(fault: Fault, join: Join): Promise<KeepingServer> {
  const book = new Book(fault);
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: ([first]) => first ?? false });
  server.on("connection", (socket, { url, headers }) =>
    join(book, socket, { url, lastEventId: headers["last-event-id"]?.toString() }),
  );
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    publish: () => book.publish(),
    close() {
      for (const socket of server.clients) socket.terminate();
      server.close();
    },
  };
}
