// A process of a client that behaves: it says something to a room that it reads, and asks for /healthz, again and again.
// It is sent a port, and whenever it is asked after that, it sends its `ProbeResult` since the last time.
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import type { ProbeResult } from "./attack.js";

const pauseMs = 10;

let messagesMs: number[] = [];
let requestsMs: number[] = [];

process.on("message", (order: { readonly port: number } | "report") => {
  if (order === "report") {
    process.send?.({ messagesMs, requestsMs } satisfies ProbeResult);
    messagesMs = [];
    requestsMs = [];
  } else {
    void talk(order.port);
    void ask(order.port);
  }
});

async function talk(port: number): Promise<void> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/chat?room=probe`);
  await once(socket, "open");
  for (;;) {
    const from = performance.now();
    socket.send(JSON.stringify({ user: "ann", text: "hi" }));
    await once(socket, "message");
    messagesMs.push(performance.now() - from);
    await sleep(pauseMs);
  }
}

async function ask(port: number): Promise<void> {
  for (;;) {
    const from = performance.now();
    await (await fetch(`http://127.0.0.1:${port}/healthz`)).text();
    requestsMs.push(performance.now() - from);
    await sleep(pauseMs);
  }
}
