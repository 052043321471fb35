import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Sandbox } from "../sandbox.js";
import { startKeepingTarget } from "../targets/start-target.js";
import { becomesTrue } from "./clock.js";
import { LiveProbe } from "./live-probe.js";
import { Publisher } from "./publisher.js";
import { ReturningCrowd } from "./returning-crowd.js";
import {
  type Fault,
  faults,
  type KeepingServer,
  openKeepingFloor,
  openKeepingNats,
  openKeepingNchan,
} from "./testing/keeping-server.js";
import { createResumeWire } from "./wires/create-resume-wire.js";
import { createWire } from "./wires/create-wire.js";
import type { ResumeWireName } from "./wires/wire.js";

/** No machine is slow enough to decide these tests. */
const longMs = 30_000;
const published = 10;
const messagesBack = 4;

/** Readers that have asked for the newest messages, while another one was there all the time. */
async function comeBack(context: TestContext, name: ResumeWireName, server: KeepingServer, readers: number) {
  const wire = createResumeWire(name);
  const probe = new LiveProbe(createWire(name), wire);
  const crowd = new ReturningCrowd({ wire, port: server.port, readers, probe });
  context.after(() => {
    crowd.close();
    probe.close();
    server.close();
  });
  const isHeard = probe.open(server.port);
  // Some servers say only by the first message that they have the subscriber.
  const priming = setInterval(() => server.publish(), 20);
  await isHeard.finally(() => clearInterval(priming));
  const first = probe.newest;
  for (let i = 0; i < published; i += 1) server.publish();
  await becomesTrue(() => probe.newest >= first + published, longMs);
  await wire.prepare?.(server.port, readers);
  await crowd.open();
  crowd.subscribeAll(probe.placeBack(messagesBack));
  return crowd;
}

const servers: readonly (readonly [ResumeWireName, (fault: Fault) => Promise<KeepingServer>])[] = [
  ["floor-grpc", openKeepingFloor],
  ["nchan", openKeepingNchan],
  ["nats-stream", openKeepingNats],
];

for (const [wire, open] of servers) {
  test(`readers that come back by ${wire} are live when they have exactly what they missed`, async (context) => {
    const crowd = await comeBack(context, wire, await open(faults.none), 30);
    await becomesTrue(() => crowd.live === 30 || crowd.failure !== undefined, longMs);
    assert.equal(crowd.failure, undefined);
    assert.equal(crowd.live, 30);
    // A reader may be live before the message that the probe got last.
    await becomesTrue(() => crowd.totalReceived >= 30 * messagesBack, longMs);
    assert.equal(crowd.totalReceived, 30 * messagesBack);
  });

  for (const fault of ["loses a message", "repeats a message"] as const) {
    test(`a server that ${fault} of one reader by ${wire} fails the load`, async (context) => {
      const server = await open((missed, reader) => (reader === 2 ? faults[fault](missed, reader) : missed));
      const crowd = await comeBack(context, wire, server, 3);
      await becomesTrue(() => crowd.failure !== undefined, longMs);
      assert.match(crowd.failure ?? "", /came where \d+ was due/);
    });
  }
}

/** Beyond the first ones, whose messages are all looked at. */
const counted = 25;

test("a reader that is only counted is not live while it lacks a message", async (context) => {
  const server = await openKeepingFloor((missed, reader) =>
    reader === counted ? faults["loses a message"](missed, reader) : missed,
  );
  const crowd = await comeBack(context, "floor-grpc", server, counted + 1);
  for (let i = 0; i < published; i += 1) server.publish();
  const all = (counted + 1) * (messagesBack + published) - 1;
  await becomesTrue(() => crowd.totalReceived === all && crowd.live === counted, longMs);
  assert.equal(crowd.live, counted);
  assert.match(crowd.describeLate(), /^reader 25 got 13 messages/);
});

test("a reader that is only counted and got a message twice fails the load", async (context) => {
  const server = await openKeepingFloor((missed, reader) =>
    reader === counted ? faults["repeats a message"](missed, reader) : missed,
  );
  const crowd = await comeBack(context, "floor-grpc", server, counted + 1);
  await becomesTrue(() => crowd.failure !== undefined, longMs);
  assert.match(crowd.failure ?? "", /reader 25 got [45] messages where [34] were due/);
});

for (const [target, wire] of [
  ["socket-io", "socket-io"],
  ["floor", "floor-grpc"],
] as const) {
  test(`readers come back to the bench's own ${target} by ${wire} and get exactly what they missed`, async (context) => {
    const sandbox = new Sandbox(false);
    context.after(() => sandbox.close());
    const { port } = await startKeepingTarget(sandbox, target, published);
    const publisher = new Publisher(createWire(wire));
    await publisher.open(port);
    const server = { port, publish: () => publisher.publishNow(), close: () => publisher.close() };
    const crowd = await comeBack(context, wire, server, 30);
    await becomesTrue(() => crowd.live === 30 || crowd.failure !== undefined, longMs);
    assert.equal(crowd.failure, undefined);
    assert.equal(crowd.live, 30);
  });
}
