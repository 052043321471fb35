// A process of a client that behaves: it says something to a room that it reads, and asks for /healthz, again and again.
// It is sent a `ProbeOrder`, and whenever it is asked after that, it sends its `ProbeResult` since the last time.
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import type { ProbeOrder, ProbeResult } from "./attack.js";

const pauseMs = 10;

let messagesMs: number[] = [];
let requestsMs: number[] = [];
let refused = 0;

process.on("message", (order: ProbeOrder | "report") => {
  if (order === "report") {
    process.send?.({ messagesMs, requestsMs, refused } satisfies ProbeResult);
    messagesMs = [];
    requestsMs = [];
    refused = 0;
  } else {
    void talk(order);
    void ask(order.port);
  }
});

async function talk({ port, headers, user }: ProbeOrder): Promise<void> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/chat?room=probe`, { headers });
  await once(socket, "open");
  for (;;) {
    const from = performance.now();
    socket.send(JSON.stringify({ user, text: "hi" }));
    const [answer] = (await once(socket, "message")) as [Buffer];
    if (!answer.includes('"text":"hi"')) refused += 1;
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
