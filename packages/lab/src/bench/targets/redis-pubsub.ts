/**
 * The floor of many nodes: what TCP subscribers of this node are written comes from bare Redis Pub/Sub, and what a
 * publisher says on this node goes there. `node redis-pubsub.js redis://…`
 */
import { createServer, type Socket } from "node:net";
import { createClient, RESP_TYPES } from "@redis/client";
import { FrameSplitter } from "../load/frame-splitter.js";
import { floorFrameLength, publisherByte } from "../load/wires/floor.js";
import { runProgram } from "../program.js";
import { announce } from "./announce.js";

const channel = "bench";

await runProgram(async (url) => {
  const publishing = createClient({ url });
  const hearing = createClient({ url }).withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
  await Promise.all([publishing.connect(), hearing.connect()]);
  const subscribers = new Set<Socket>();
  await hearing.subscribe(
    channel,
    (frame) => {
      for (const subscriber of subscribers) subscriber.write(frame);
    },
    true,
  );
  const server = createServer({ noDelay: true }, (socket) => {
    // A subscriber that goes away is no event here.
    socket.on("error", () => socket.destroy());
    socket.once("close", () => subscribers.delete(socket));
    socket.once("data", (greeting: Buffer) => {
      if (greeting[0] !== publisherByte) return void subscribers.add(socket);
      const splitter = new FrameSplitter(
        floorFrameLength,
        (bytes, start, end) => void publishing.publish(channel, Buffer.from(bytes.subarray(start, end))),
      );
      splitter.push(greeting.subarray(1), greeting.length - 1);
      socket.on("data", (chunk: Buffer) => splitter.push(chunk, chunk.length));
    });
  });
  await announce(server);
});
