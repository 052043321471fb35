import type { Position } from "@confab/contract/gen/confab/v1/message_pb";
import { cpuTimesBetween, cpuTimesOf, machineBusyUs, totalUs } from "../process-stats.js";
import { benchRoom } from "./chat-text.js";
import { nowUs } from "./clock.js";
import { fillRoom } from "./fill.js";
import { GrpcMessageCounter } from "./grpc-calls.js";
import { HistoryPages, positionAt } from "./history-pages.js";
import { Http2Connection } from "./http2-connection.js";
import { clientPreface } from "./http2-frames.js";
import { openLoadSocket } from "./load-socket.js";
import { streamMessagesCall } from "./wires/grpc.js";

/** One reader of everything that a room's log holds. */
export interface HistoryLoad {
  readonly port: number;
  readonly serverPid: number;
  /** How many messages the room is given first. */
  readonly messages: number;
  /** `stream`: one StreamMessages from the beginning. `pages`: GetHistory, each page asked for when the last one is there. */
  readonly by: "stream" | "pages";
}

export interface HistoryResult {
  readonly messages: number;
  readonly elapsedUs: number;
  readonly serverCpuUs: number;
  readonly loadCpuUs: number;
  /** What the rest of the machine's programs used meanwhile. */
  readonly othersCpuUs: number;
}

const fillTimeoutMs = 120_000;
const readTimeoutMs = 60_000;
/** The room is read this often; the last time counts, when everything that runs hot is compiled. */
const readings = 3;

/** Fill the room and read it. @throws Error: a connection was refused or lost, or messages were missing. */
export async function measureHistory(load: HistoryLoad): Promise<HistoryResult> {
  await fillRoom(load.port, load.messages, fillTimeoutMs);
  const pages = new HistoryPages(load.port);
  try {
    const beginning = positionAt(await pages.newest(), 0);
    const read = load.by === "stream" ? () => readStream(load, beginning) : () => readPages(load, pages, beginning);
    for (let reading = 1; reading < readings; reading += 1) await read();
    const before = snapshot(load.serverPid);
    await read();
    const after = snapshot(load.serverPid);
    const serverCpuUs = totalUs(cpuTimesBetween(before.server, after.server));
    const loadCpuUs = totalUs(cpuTimesBetween(before.load, after.load));
    return {
      messages: load.messages,
      elapsedUs: after.atUs - before.atUs,
      serverCpuUs,
      loadCpuUs,
      othersCpuUs: after.machineBusyUs - before.machineBusyUs - serverCpuUs - loadCpuUs,
    };
  } finally {
    pages.close();
  }
}

function readStream({ port, messages }: HistoryLoad, after: Position): Promise<void> {
  return new Promise((resolve, reject) => {
    const counter = new GrpcMessageCounter();
    let count = 0;
    const end = (error?: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      if (error) reject(error);
      else resolve();
    };
    const failed = (reason: string): void => end(new Error(`after ${count} of ${messages} messages: ${reason}`));
    const timer = setTimeout(() => failed(`nothing more within ${readTimeoutMs} ms`), readTimeoutMs);
    const connection = new Http2Connection({
      settings: () => undefined,
      data: (_stream, bytes, start, stop) => {
        count += counter.push(bytes, start, stop);
        if (count === messages) end();
      },
      ended: () => failed("the server ended the stream"),
      owed: (bytes) => socket.write(bytes),
      granted: () => undefined,
      failed,
    });
    const greeting = Buffer.concat([clientPreface(), streamMessagesCall(benchRoom, after)]);
    const socket = openLoadSocket({
      port,
      greeting,
      read: (bytes, length) => connection.push(bytes, length),
      lost: failed,
    });
  });
}

async function readPages({ messages }: HistoryLoad, pages: HistoryPages, beginning: Position): Promise<void> {
  for (let count = 0; count < messages; ) {
    const found = await pages.countAfter(positionAt(beginning, count));
    if (found === 0) throw new Error(`the page after message ${count} of ${messages} is empty`);
    count += found;
  }
}

function snapshot(serverPid: number) {
  return {
    atUs: nowUs(),
    server: cpuTimesOf(serverPid),
    load: cpuTimesOf(process.pid),
    machineBusyUs: machineBusyUs(),
  };
}
