import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { ConfabError, limitsWith, PayloadTypes } from "@confab/contract";
import {
  DisconnectRequestSchema,
  ListConnectionsRequestSchema,
} from "@confab/contract/gen/confab/v1/admin_connections_pb";
import { UserSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { nodesOf } from "../../core/index.js";
import { ManualTurns, settled } from "../../testing/manual-turns.js";
import { MemoryEngine } from "../../testing/memory-engine.js";
import { RecordingSink } from "../../testing/recording-sink.js";
import { testCaller } from "../../testing/test-caller.js";
import { testService } from "../../testing/test-service.js";
import { Work } from "../../work/index.js";
import type { ListedConnection } from "./connections.js";
import { LiveCallers } from "./live-callers.js";
import { NodeConnections } from "./node-connections.js";
import { operationsOn } from "./operations.js";
import { unrestricted } from "./principal.js";
import { defaultPolicy } from "./room-policy.js";

const limits = limitsWith({ maxConnectionsByUser: 100_000, maxConnectionsByAddress: 100_000 });

/** The operations of one node, whose turns the test moves. */
function node(engine = new MemoryEngine()) {
  const { hub } = testService();
  const turns = new ManualTurns();
  let ids = 0;
  const clock = { nowMs: () => 1_000, monotonicMs: () => 0 };
  const liveCallers = new LiveCallers({ clock, turns, limits, newId: () => `stream-${++ids}` });
  const connections = new NodeConnections(nodesOf(engine), liveCallers);
  const rooms = { of: () => defaultPolicy(limits) };
  const types = PayloadTypes.none();
  const operations = operationsOn({
    hub,
    engine,
    types,
    limits,
    rooms,
    longestTokenUseMs: () => 0,
    liveCallers,
    connections,
  });
  return { hub, turns, liveCallers, operations };
}

/** Whose questions for its name are counted: a look asks for it. */
class CountedUser {
  static looks = 0;
  readonly refusal = unrestricted.refusal;
  readonly may = unrestricted.may;

  constructor(private readonly name: string) {}

  get user(): string {
    CountedUser.looks++;
    return this.name;
  }
}

test("10,000 subscriptions are listed in pages and ended, in steps that are paid for and slices of a turn", async () => {
  const { turns, operations } = node();
  const count = 10_000;
  const sinks: RecordingSink[] = [];
  const principal = new CountedUser("ann");
  const shared = { ...testCaller(), principal };
  for (let index = 0; index < count; index++) {
    const sink = new RecordingSink();
    sinks.push(sink);
    await operations.subscribe({ reader: create(UserSchema, { room: `room-${index % 100}` }) }, shared, sink);
  }

  CountedUser.looks = 0;
  let mostLooks = 0;
  const stepEnds = () => {
    mostLooks = Math.max(mostLooks, CountedUser.looks);
    CountedUser.looks = 0;
  };
  const runTurns = async <T>(asked: Promise<T>): Promise<T> => {
    let isDone = false;
    const done = () => {
      isDone = true;
    };
    asked.then(done, done);
    for (;;) {
      await turns.next();
      stepEnds();
      if (isDone) return asked;
    }
  };

  const unitsPerItem = 40;
  const steps: number[] = [];
  const share = Object.assign(new Work({ nowMs: () => 0 }).share(), {
    // On a real share the steps of a page wait for others here.
    begin: async (units: number) => {
      stepEnds();
      steps.push(units);
    },
  });
  const listed: ListedConnection[] = [];
  let pages = 0;
  for (let page = ""; ; pages++) {
    const asked = create(ListConnectionsRequestSchema, { user: "ann", limit: 1_000, page });
    const form = {
      begin: async () => undefined,
      unitsPerItem,
      take: (items: readonly ListedConnection[]) => void listed.push(...items),
    };
    const end = await runTurns(operations.connections(asked, { ...shared, share }, form));
    assert.equal(end.total, count);
    page = end.nextPage;
    if (page === "") break;
  }
  assert.equal(pages, count / 1_000 - 1);
  assert.equal(new Set(listed.map(({ view }) => view.id)).size, count);
  assert.ok(steps.every((units) => units <= 1_000));
  assert.equal(
    steps.reduce((sum, units) => sum + units, 0),
    count * unitsPerItem,
  );
  // A slice is 1,000 looks.
  assert.ok(mostLooks > 500 && mostLooks <= 1_100, `${mostLooks} in one step`);

  mostLooks = 0;
  const asked = create(DisconnectRequestSchema, { user: "ann", reason: "enough" });
  assert.equal(await runTurns(operations.disconnect(asked, shared)), count);
  assert.ok(sinks.every(({ endedWith }) => endedWith?.code === "DISCONNECTED"));
  // To end one costs as much as 20 looks.
  assert.ok(mostLooks < 200, `${mostLooks} in one turn`);
});

test("a stream that is ended before it has begun does not begin", async () => {
  const { turns, liveCallers } = node();
  const caller = { ...testCaller(), principal: new CountedUser("ann") };
  const reader = liveCallers.addReader(caller, "den" as never, "ann");
  const asked = liveCallers.end({ user: "ann" }, new ConfabError("DISCONNECTED", "no"));
  await turns.untilIdle();
  assert.equal(await asked, 1);
  const { hub } = testService();
  const sink = new RecordingSink();
  const { subscription } = await hub.subscribe({ room: "den" as never, user: "", after: undefined, history: 0 }, sink);
  assert.throws(() => reader.began(subscription), { code: "DISCONNECTED" });
  assert.equal(subscription.state, "closed");
  reader.closed();
  assert.equal(await liveCallers.count({ user: "", room: "" }), 0);
});

test("what comes while a user is ended is not ended, so that it ends", async () => {
  const { turns, liveCallers } = node();
  let made = 0;
  let isEnding = true;
  const connect = (): void => {
    const caller = { ...testCaller(), principal: new CountedUser("ann") };
    const connection = {
      ...{ id: `connection-${++made}`, caller, queuedBytes: 0 },
      end: () => {
        liveCallers.deleteConnection(connection);
        // It is back at once.
        if (isEnding) connect();
      },
    };
    liveCallers.addConnection(connection);
  };
  for (let index = 0; index < 500; index++) connect();
  const asked = liveCallers.end({ user: "ann" }, new ConfabError("RECONNECT", "again"));
  await turns.untilIdle(1_000);
  assert.equal(await asked, 500);
  assert.equal(await liveCallers.count({ user: "", room: "" }), 500);
  isEnding = false;
});

test("connections of several nodes are in pages by node; what a node began meanwhile comes at its end", async () => {
  const engine = new MemoryEngine();
  const nodes = [node(engine), node(engine.anotherNode() as MemoryEngine), node(engine.anotherNode() as MemoryEngine)];
  const open = async (at: number, name: string) => {
    const reader = create(UserSchema, { room: "den", name });
    const caller = { ...testCaller(), principal: unrestricted };
    return (await nodes[at]?.operations.subscribe({ reader }, caller, new RecordingSink()))?.subscription;
  };
  const closed = await open(0, "a1");
  for (const name of ["a2", "a3"]) await open(0, name);
  for (const name of ["c1", "c2", "c3"]) await open(2, name);
  const listed: string[] = [];
  const pageAfter = async (page: string, limit: number) => {
    const form = {
      begin: async () => undefined,
      unitsPerItem: 1,
      take: (items: readonly ListedConnection[]) => void listed.push(...items.map(({ view }) => view.user)),
    };
    const asked = create(ListConnectionsRequestSchema, { room: "den", limit, page });
    return nodes[1]?.operations.connections(asked, testCaller(), form);
  };
  const first = await pageAfter("", 2);
  assert.deepEqual([listed, first?.total, first?.silent], [["a1", "a2"], 6, []]);
  closed?.close();
  await open(0, "a4");
  const second = await pageAfter(first?.nextPage ?? "", 3);
  assert.deepEqual([listed.splice(0), second?.total], [["a1", "a2", "a3", "a4", "c1"], 6]);
  const third = await pageAfter(second?.nextPage ?? "", 2);
  assert.deepEqual([listed, third?.nextPage], [["c2", "c3"], ""]);
  await settled();
});
