/**
 * Peer: Socket.IO as its documentation sets it up: by itself, with the recovery of connections' state, or for many nodes
 * with each of its two Redis adapters. `node socket-io.js ['{"redisUrl":"redis://…","adapter":"pubsub"}']`
 */
import { createServer } from "node:http";
import { toJson } from "@bufbuild/protobuf";
import { ChatResponseSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { createClient, type RedisClientType } from "@redis/client";
import { createAdapter as createPubSubAdapter } from "@socket.io/redis-adapter";
import { createAdapter as createStreamsAdapter } from "@socket.io/redis-streams-adapter";
import { Server } from "socket.io";
import { runProgram } from "../program.js";
import { announce } from "./announce.js";
import { sampleAcknowledgement } from "./sample-response.js";

export interface SocketIoNodes {
  readonly redisUrl: string;
  readonly adapter: "pubsub" | "streams";
}

/** `recovers`: it keeps what is sent for those who come back. */
export type SocketIoArgument = SocketIoNodes | { readonly recovers: true };

async function redisAdapter({ redisUrl, adapter }: SocketIoNodes) {
  const clients: RedisClientType[] = [createClient({ url: redisUrl }), createClient({ url: redisUrl })];
  await Promise.all(clients.map((client) => client.connect()));
  const [client, another] = clients;
  return adapter === "streams" ? createStreamsAdapter(client) : createPubSubAdapter(client, another);
}

const room = "bench";

function isNodes(argument: Partial<SocketIoArgument>): argument is SocketIoNodes {
  return "redisUrl" in argument && "adapter" in argument;
}

/** The documentation's own figure; a run is over before it is. */
const maxDisconnectionDuration = 2 * 60 * 1000;
/** The load's readers connect some time before all of them ask at once, and the last of them is answered late. */
const connectTimeout = 5 * 60 * 1000;

await runProgram(async (argument) => {
  // The bench wrote it, in this same build; by default it is an empty object.
  const asked = JSON.parse(argument) as Partial<SocketIoArgument>;
  const http = createServer();
  const io = new Server(http, {
    transports: ["websocket"],
    perMessageDeflate: false,
    // The load answers no heartbeats; a run is over before one is missed.
    pingInterval: 300_000,
    ...("recovers" in asked && { connectionStateRecovery: { maxDisconnectionDuration }, connectTimeout }),
    ...(isNodes(asked) && { adapter: await redisAdapter(asked) }),
  });
  const answer = toJson(ChatResponseSchema, sampleAcknowledgement());
  io.on("connection", async (socket) => {
    socket.on("send", (_message: unknown, acknowledge: (answer: unknown) => void) => acknowledge(answer));
    socket.on("chat", (message: unknown) => io.to(room).emit("chat", message));
    await socket.join(room);
  });
  await announce(http);
});
