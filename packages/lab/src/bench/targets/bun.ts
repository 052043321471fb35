/** Peer: Bun's own WebSocket publish (uWebSockets), as its documentation shows a chat. It stores nothing. Run by Bun. */
import { announcePort } from "./announce.js";

/** What is used of Bun's global; `@types/bun` would put its globals into every file. */
interface BunSocket {
  subscribe(topic: string): void;
}

declare const Bun: {
  serve(options: {
    readonly hostname: string;
    readonly port: number;
    fetch(request: Request, server: BunServer): Response | undefined;
    readonly websocket: { open(socket: BunSocket): void; message(socket: BunSocket, message: string): void };
  }): BunServer;
};

interface BunServer {
  readonly port: number;
  upgrade(request: Request): boolean;
  publish(topic: string, message: string): number;
}

const topic = "bench";

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: (request, self) => (self.upgrade(request) ? undefined : new Response("not a WebSocket", { status: 426 })),
  websocket: {
    open: (socket) => socket.subscribe(topic),
    message: (_, message) => void server.publish(topic, message),
  },
});
announcePort(server.port);
