/**
 * The floor: a TCP server that writes each message's bytes to every subscriber, and does nothing else.
 * `node floor.js ['{"keeps":true}']`
 */
import { createServer, type Socket } from "node:net";
import { FrameSplitter } from "../load/frame-splitter.js";
import { floorFrameLength, grpcLikeFrame, publisherByte, requestByte, resumeByte } from "../load/wires/floor.js";
import { runProgram } from "../program.js";
import { announce } from "./announce.js";
import { FloorLog } from "./floor-log.js";
import { sampleResponse } from "./sample-response.js";

/** `keeps`: messages also stay, for readers that come back. A fan-out by itself is spared that. */
export interface FloorArgument {
  readonly keeps: true;
}

/** More requests than come with one read, each as long as its answer at least. */
const answersAtOnce = 2_000;

await runProgram(async (argument) => {
  const subscribers = new Set<Socket>();
  const log = "keeps" in (JSON.parse(argument) as Partial<FloorArgument>) ? new FloorLog() : undefined;
  let turn: Buffer[] = [];

  /** One write per subscriber for all that the turn of the event loop brought: the least that a fan-out can cost. */
  function fanOut(): void {
    const bytes = turn.length === 1 && turn[0] !== undefined ? turn[0] : Buffer.concat(turn);
    log?.append(turn, bytes);
    turn = [];
    for (const subscriber of subscribers) subscriber.write(bytes);
  }

  function publish(frame: Buffer): void {
    if (turn.length === 0) setImmediate(fanOut);
    turn.push(frame);
  }

  const answer = grpcLikeFrame(sampleResponse());
  const answers = Buffer.concat(Array.from({ length: answersAtOnce }, () => answer));

  /** One write for all requests that came with a read. */
  function answerAll(socket: Socket, greeting: Buffer): void {
    let requests = 0;
    const splitter = new FrameSplitter(floorFrameLength, () => {
      requests += 1;
    });
    const push = (chunk: Buffer): void => {
      splitter.push(chunk, chunk.length);
      socket.write(answers.subarray(0, requests * answer.length));
      requests = 0;
    };
    push(greeting.subarray(1));
    socket.on("data", push);
  }

  const server = createServer({ noDelay: true }, (socket) => {
    // A subscriber that goes away is no event here.
    socket.on("error", () => socket.destroy());
    socket.once("close", () => subscribers.delete(socket));
    socket.once("data", (greeting: Buffer) => {
      if (greeting[0] === resumeByte)
        return log?.write(socket, greeting.readUInt32BE(1), () => subscribers.add(socket));
      if (greeting[0] === requestByte) return answerAll(socket, greeting);
      if (greeting[0] !== publisherByte) return void subscribers.add(socket);
      const splitter = new FrameSplitter(floorFrameLength, (bytes, start, end) =>
        publish(Buffer.from(bytes.subarray(start, end))),
      );
      splitter.push(greeting.subarray(1), greeting.length - 1);
      socket.on("data", (chunk: Buffer) => splitter.push(chunk, chunk.length));
    });
  });
  await announce(server);
});
