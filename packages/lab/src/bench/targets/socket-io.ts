/**
 * Peer: Socket.IO as its documentation sets it up, by itself or, for many nodes, with each of its two Redis adapters.
 * `node socket-io.js ['{"redisUrl":"redis://…","adapter":"pubsub"}']`
 */
import { createServer } from "node:http";
import { createClient, type RedisClientType } from "@redis/client";
import { createAdapter as createPubSubAdapter } from "@socket.io/redis-adapter";
import { createAdapter as createStreamsAdapter } from "@socket.io/redis-streams-adapter";
import { Server } from "socket.io";
import { runProgram } from "../program.js";
import { announce } from "./announce.js";

export interface SocketIoArgument {
  readonly redisUrl: string;
  readonly adapter: "pubsub" | "streams";
}

async function redisAdapter({ redisUrl, adapter }: SocketIoArgument) {
  const clients: RedisClientType[] = [createClient({ url: redisUrl }), createClient({ url: redisUrl })];
  await Promise.all(clients.map((client) => client.connect()));
  const [client, another] = clients;
  return adapter === "streams" ? createStreamsAdapter(client) : createPubSubAdapter(client, another);
}

const room = "bench";

function isWhole(argument: Partial<SocketIoArgument>): argument is SocketIoArgument {
  return argument.redisUrl !== undefined && argument.adapter !== undefined;
}

await runProgram(async (argument) => {
  const nodes = JSON.parse(argument) as Partial<SocketIoArgument>;
  const http = createServer();
  const io = new Server(http, {
    transports: ["websocket"],
    perMessageDeflate: false,
    // The load answers no heartbeats; a run is over before one is missed.
    pingInterval: 300_000,
    ...(isWhole(nodes) && { adapter: await redisAdapter(nodes) }),
  });
  io.on("connection", async (socket) => {
    socket.on("chat", (message: unknown) => io.to(room).emit("chat", message));
    await socket.join(room);
  });
  await announce(http);
});
