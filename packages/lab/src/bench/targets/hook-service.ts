/** A hook over Connect that lets everything go on: an empty message is an answer without a refusal and without a change. */
import { createServer } from "node:http";
import { runProgram } from "../program.js";
import { announce } from "./announce.js";

await runProgram(async () => {
  const server = createServer((request, response) => {
    request.resume();
    request.once("end", () => response.writeHead(200, { "content-type": "application/proto" }).end());
  });
  server.keepAliveTimeout = 60_000;
  await announce(server);
});
