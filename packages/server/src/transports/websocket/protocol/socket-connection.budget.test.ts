import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { opcode } from "./opcode.js";
import { clientFrame, textFrame } from "./testing/client-frame.js";
import { type Accepted, type EchoServer, RawClient, startEchoServer } from "./testing/echo-server.js";

// Frames that carry no message cost us more than they cost the peer: their number is bounded.

const maxControlFrames = 50;
const budgetWindowMs = 10_000;
/** The test server's heartbeat has ticks of a second. */
const windowTicks = 10;

let server: EchoServer;
let client: RawClient;
let accepted: Accepted;
let abuses: string[];
let marks = 0;

beforeEach(async () => {
  abuses = [];
  server = await startEchoServer({
    maxControlFrames,
    budgetWindowMs,
    onAbuse: (_address, reason) => abuses.push(reason),
  });
  const accepting = server.nextAccepted();
  client = new RawClient(server.port);
  accepted = await accepting;
});

afterEach(async () => {
  client.socket.destroy();
  await server.stop();
});

const times = (count: number, frame: Buffer) => Buffer.concat(Array.from({ length: count }, () => frame));

/** Resolves when everything sent so far has been read: a message comes back. */
async function settled(): Promise<void> {
  const mark = `read ${++marks}`;
  client.socket.write(textFrame(mark));
  while (accepted.messages.at(-1) !== mark && accepted.closings.length === 0) await new Promise(setImmediate);
  assert.deepEqual(accepted.closings, []);
}

const emptyFragment = clientFrame({ kind: opcode.continuation, payload: "", isFinal: false });
const floods = [
  ["pings", clientFrame({ kind: opcode.ping }), Buffer.alloc(0), Buffer.alloc(0)],
  ["pongs that answer nothing", clientFrame({ kind: opcode.pong }), Buffer.alloc(0), Buffer.alloc(0)],
  [
    "empty fragments",
    emptyFragment,
    clientFrame({ kind: opcode.text, payload: "a", isFinal: false }),
    clientFrame({ kind: opcode.continuation, payload: "b" }),
  ],
] as const;

for (const [what, frame, before, after] of floods) {
  test(`as many ${what} as the budget has are taken, one more ends the connection with 1008`, async () => {
    client.socket.write(Buffer.concat([before, times(maxControlFrames, frame), after]));
    await settled();
    client.socket.write(Buffer.concat([before, frame, after]));
    const bytes = await client.untilEnd();
    const reason = `more than ${maxControlFrames} frames without a message within ${budgetWindowMs} ms (maxControlFrames)`;
    const close = Buffer.from([0x03, 0xf0, ...Buffer.from(`RATE_LIMITED: ${reason}`)]);
    assert.deepEqual(bytes.subarray(-close.length), close);
    assert.deepEqual(
      accepted.closings.map(({ code, error }) => [code, error?.code]),
      [[1008, "RATE_LIMITED"]],
    );
    assert.deepEqual(abuses, [reason]);
  });
}

test("the budget is full again after its window, also for a peer that never stops", async () => {
  for (let round = 0; round < 3; round++) {
    client.socket.write(times(maxControlFrames, clientFrame({ kind: opcode.ping })));
    await settled();
    for (let tick = 0; tick < windowTicks; tick++) {
      server.sweep();
      await settled();
    }
  }
  assert.deepEqual(abuses, []);
});

test("messages and their fragments with content cost no budget", async () => {
  const pieces = [
    clientFrame({ kind: opcode.text, payload: "a", isFinal: false }),
    clientFrame({ kind: opcode.continuation, payload: "b", isFinal: false }),
    clientFrame({ kind: opcode.continuation, payload: "" }),
  ];
  client.socket.write(times(maxControlFrames * 2, Buffer.concat(pieces)));
  await settled();
  assert.equal(accepted.messages.length, maxControlFrames * 2 + 1);
  assert.deepEqual(abuses, []);
});
