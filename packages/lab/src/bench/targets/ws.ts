/** Peer: the `ws` library as its documentation shows a broadcast, `send(string)` for each client. */
import { createServer } from "node:http";
import { WebSocket, WebSocketServer } from "ws";
import { runProgram } from "../program.js";
import { announce } from "./announce.js";

await runProgram(async () => {
  const http = createServer();
  // The library's defaults, but for the limits of a server that is meant for the open network.
  const server = new WebSocketServer({ server: http, perMessageDeflate: false, maxPayload: 65_536 });
  server.on("connection", (client) => {
    client.on("message", (message: Buffer) => {
      const text = message.toString("utf8");
      for (const subscriber of server.clients) {
        if (subscriber.readyState === WebSocket.OPEN) subscriber.send(text);
      }
    });
  });
  await announce(http);
});
