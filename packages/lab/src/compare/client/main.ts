/** A client process: `node main.js '<ClientIdentity>'` does the tasks that come as lines of JSON, one after the other. */
import { createInterface } from "node:readline";
import { measureBytes } from "../measure/bytes.js";
import { measureCapacity } from "../measure/capacity.js";
import { tryFacts } from "../measure/facts.js";
import { measureFanout } from "../measure/fanout.js";
import { firstMessageUs, measureFirstMessage } from "../measure/first-message.js";
import { measureIdle } from "../measure/idle.js";
import { Pacer } from "../measure/pacer.js";
import { measureEmptyPoll } from "../measure/polling.js";
import { measureSerialisation } from "../measure/serialisation.js";
import { measureStall } from "../measure/stall.js";
import type { ClientIdentity, TaskAnswer, TaskRequest } from "../measure/tasks.js";
import { startRelay } from "../relay/relay.js";
import { bindSample } from "../sample/bound-sample.js";
import { createClientWire } from "./create-wire.js";

// Ctrl-C goes to the whole group of processes. Who started this one ends it, by closing its input.
process.on("SIGINT", () => undefined);

const { contender, sample, ca } = JSON.parse(process.argv[2] ?? "{}") as ClientIdentity;
const bound = bindSample(sample);
const wire = createClientWire(contender.transport, bound, ca);
const pacer = await Pacer.start();

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line) as TaskRequest;
  const { task } = request;
  let answer: TaskAnswer;
  try {
    answer = { task, result: (await resultOf(request)) ?? null };
  } catch (error) {
    answer = { task, failure: error instanceof Error ? error.message : String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
process.exit(0);

async function resultOf(request: TaskRequest): Promise<unknown> {
  switch (request.name) {
    case "bytes":
      return measureBytes(wire, request.job);
    case "firstMessage":
      return measureFirstMessage(wire, request.job.port, request.job.room);
    case "newcomer":
      return onItsWay(request.job.port, (port) => firstMessageUs(wire, port, request.job.room));
    case "fanout":
      return onItsWay(request.job.port, (port) => measureFanout(wire, pacer, { ...request.job, port }));
    case "capacity":
      return onItsWay(request.job.port, (port) => measureCapacity(wire, pacer, { ...request.job, port }));
    case "idle":
      return measureIdle(wire, request.job);
    case "facts":
      return tryFacts(wire, { ...request.job, ca });
    case "stall":
      return measureStall(wire, request.job);
    case "emptyPoll":
      return measureEmptyPoll(request.job.port, request.job.room, ca);
    case "serialisation":
      return measureSerialisation(bound, request.job);
  }
}

/** A contender that is slowed on purpose goes through a relay that holds what the server sends. */
async function onItsWay<Result>(port: number, measure: (port: number) => Promise<Result>): Promise<Result> {
  if (contender.addedDelayMs === 0) return measure(port);
  const relay = await startRelay({ port, delayDownMs: contender.addedDelayMs });
  try {
    return await measure(relay.port);
  } finally {
    await relay.close();
  }
}
