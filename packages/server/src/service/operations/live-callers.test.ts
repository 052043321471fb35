import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { ConfabError, type Limits, limitsWith, PayloadTypes } from "@confab/contract";
import { UserSchema } from "@confab/contract/gen/confab/v1/message_pb";
import type { Hub, Subscription } from "../../core/index.js";
import { ManualTurns } from "../../testing/manual-turns.js";
import { RecordingSink } from "../../testing/recording-sink.js";
import { testCaller } from "../../testing/test-caller.js";
import { testService } from "../../testing/test-service.js";
import type { Caller } from "./caller.js";
import { LiveCallers } from "./live-callers.js";
import { operationsOn } from "./operations.js";
import { type Action, type Principal, stranger, unrestricted } from "./principal.js";
import { defaultPolicy } from "./room-policy.js";

function countedService(wanted: Partial<Limits> = {}) {
  const limits = limitsWith(wanted);
  const { hub, engine } = testService();
  const turns = new ManualTurns();
  const liveCallers = new LiveCallers({
    clock: { nowMs: () => 0, monotonicMs: () => 0 },
    turns,
    limits,
    newId: () => "an id",
  });
  const rooms = { of: () => defaultPolicy(limits) };
  const longestTokenUseMs = () => 0;
  const deps = { hub, engine, types: PayloadTypes.none(), limits, rooms, longestTokenUseMs, liveCallers };
  const { subscribe } = operationsOn(deps);
  const open = async (caller: Caller, room = "den", name = "", sink = new RecordingSink()) =>
    (await subscribe({ reader: create(UserSchema, { room, name }) }, caller, sink)).subscription;
  return { hub, turns, liveCallers, open };
}

/** A user whose token is refused, and who may not read, as soon as a test says so. */
class Ann implements Principal {
  looks = 0;
  error: ConfabError | undefined;
  mayRead = true;
  mayMembers = true;

  constructor(readonly user: string | undefined = "ann") {}

  refusal(): ConfabError | undefined {
    this.looks++;
    return this.error;
  }

  may(action: Action): boolean {
    this.looks++;
    return action === "members" ? this.mayMembers : this.mayRead;
  }
}

const revoked = new ConfabError("UNAUTHENTICATED", "it was revoked");
const callerOf = (principal: Principal, remoteAddress = "127.0.0.1"): Caller => ({
  ...testCaller(),
  principal,
  remoteAddress,
});

class TestConnection {
  readonly id = "an id";
  readonly queuedBytes = 0;
  readonly endedWith: string[] = [];

  constructor(
    readonly caller: Caller,
    private readonly of: LiveCallers,
  ) {
    of.addConnection(this);
  }

  end({ code }: ConfabError): void {
    this.endedWith.push(code);
    this.of.deleteConnection(this);
  }
}

const tooMany = { code: "TOO_MANY_CONNECTIONS" };

/** How many of so many streams that are opened at once begin. */
async function openedAtOnce(open: () => Promise<Subscription>, count: number): Promise<Subscription[]> {
  const outcomes = await Promise.allSettled(Array.from({ length: count }, open));
  const refused = outcomes.filter(({ status }) => status === "rejected") as PromiseRejectedResult[];
  for (const { reason } of refused) assert.equal((reason as ConfabError).code, "TOO_MANY_CONNECTIONS");
  return outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
}

test("of many streams that are opened at once, as many begin as maxConnectionsByUser says", async () => {
  const { open } = countedService({ maxConnectionsByUser: 5 });
  assert.equal((await openedAtOnce(() => open(callerOf(new Ann())), 200)).length, 5);
  assert.equal((await openedAtOnce(() => open(callerOf(new Ann("bob"))), 5)).length, 5, "users are counted apart");
});

test("streams are counted by address, and all of one IPv6 network together", async () => {
  const { open } = countedService({ maxConnectionsByAddress: 2 });
  let host = 0;
  const ofNetwork = () => open(callerOf(unrestricted, `2001:db8::${(++host).toString(16)}`));
  assert.equal((await openedAtOnce(ofNetwork, 20)).length, 2);
  assert.equal((await openedAtOnce(() => open(callerOf(unrestricted, "192.0.2.7")), 20)).length, 2);
  assert.equal((await openedAtOnce(() => open(callerOf(unrestricted)), 20)).length, 20, "of this machine");
});

test("streams that are opened and closed one after another are never too many", async () => {
  const { open } = countedService({ maxConnectionsByUser: 1 });
  for (let index = 0; index < 12; index++) (await open(callerOf(new Ann()))).close();
  const last = await open(callerOf(new Ann()));
  await assert.rejects(open(callerOf(new Ann())), tooMany);
  last.end(revoked);
  last.close();
  await open(callerOf(new Ann()));
  await assert.rejects(open(callerOf(new Ann())), tooMany, "given back once");
});

test("a stream that does not begin is not counted", async () => {
  const { hub, open } = countedService({ maxConnectionsByUser: 1 });
  const subscribe: Hub["subscribe"] = hub.subscribe.bind(hub);
  hub.subscribe = async () => {
    throw new ConfabError("ENGINE_UNAVAILABLE", "no engine");
  };
  for (let index = 0; index < 3; index++)
    await assert.rejects(open(callerOf(new Ann())), { code: "ENGINE_UNAVAILABLE" });
  hub.subscribe = subscribe;
  await open(callerOf(new Ann()));
});

test("a connection is counted once, whatever it reads, and not any more when it has gone", async () => {
  const { open, liveCallers } = countedService({ maxConnectionsByUser: 1, maxConnectionsByAddress: 1 });
  const connection = new TestConnection(callerOf(new Ann(), "192.0.2.7"), liveCallers);
  for (const room of ["a", "b", "c"]) await open(connection.caller, room);
  assert.equal(liveCallers.tooManyFor(callerOf(new Ann()))?.code, "TOO_MANY_CONNECTIONS");
  liveCallers.deleteConnection(connection);
  liveCallers.deleteConnection(connection);
  await open(callerOf(new Ann()));
  await assert.rejects(open(callerOf(new Ann())), tooMany);
});

test("a connection that shows a token is counted for its user from then on, and for its address as before", () => {
  const { liveCallers } = countedService({ maxConnectionsByUser: 1, maxConnectionsByAddress: 2 });
  const address = "192.0.2.7";
  const [first, second] = [1, 2].map(() => new TestConnection(callerOf(stranger, address), liveCallers));
  assert.ok(first && second);
  const ann = new Ann();
  assert.equal(liveCallers.tooManyFor(first.caller, ann), undefined, "at its address's limit it is counted already");
  first.caller.principal = ann;
  liveCallers.principalChanged(first);
  assert.equal(liveCallers.tooManyFor(first.caller, new Ann()), undefined, "the next token of the same user");
  assert.match(liveCallers.tooManyFor(second.caller, ann)?.message ?? "", /^user ann has too many connections/);
  liveCallers.deleteConnection(first);
  assert.equal(liveCallers.tooManyFor(second.caller, ann), undefined);
});

test("when a connection shows a token, only that connection and what it reads is looked at", async () => {
  const { open, liveCallers } = countedService();
  const [ann, bob] = [new Ann(), new Ann("bob")];
  const connection = new TestConnection(callerOf(ann), liveCallers);
  const others = new TestConnection(callerOf(bob), liveCallers);
  const [read, others_] = [await open(connection.caller), await open(others.caller)];
  bob.looks = 0;
  ann.mayRead = false;
  liveCallers.principalChanged(connection);
  assert.deepEqual([read.state, others_.state !== "closed", bob.looks], ["closed", true, 0]);
  assert.deepEqual(connection.endedWith, []);
});

test("a look ends connections and streams whose tokens are refused, and streams of rooms that may not be read any more", async () => {
  const { open, liveCallers, turns } = countedService();
  const [ann, bob, eve] = [new Ann(), new Ann("bob"), new Ann("eve")];
  const connection = new TestConnection(callerOf(ann), liveCallers);
  const stays = new TestConnection(callerOf(eve), liveCallers);
  const [stream, othersStream, read] = [await open(callerOf(bob)), await open(callerOf(eve)), await open(stays.caller)];
  ann.error = revoked;
  bob.error = revoked;
  liveCallers.check();
  await turns.untilIdle();
  assert.deepEqual([connection.endedWith, stays.endedWith, stream.state], [["UNAUTHENTICATED"], [], "closed"]);
  assert.deepEqual([othersStream.state !== "closed", read.state !== "closed"], [true, true]);
  eve.mayRead = false;
  liveCallers.check();
  await turns.untilIdle();
  assert.deepEqual([stays.endedWith, othersStream.state, read.state], [[], "closed", "closed"]);
});

test("a look goes in slices, and a change meanwhile is followed by a look at all that were there", async () => {
  const { liveCallers, turns } = countedService({ maxConnectionsByUser: 100_000 });
  const principals = Array.from({ length: 5_000 }, (_, index) => new Ann(`user-${index}`));
  const connections = principals.map((principal) => new TestConnection(callerOf(principal), liveCallers));
  const looked = () => principals.filter(({ looks }) => looks > 0).length;
  liveCallers.check();
  assert.equal(looked(), 0, "nothing is done in the turn that asks");
  await turns.next();
  assert.equal(looked(), 1_000);
  await turns.next();
  // Half of those that were looked at, half of the others, and new ones, while the round is under way.
  for (const principal of principals.filter((_, index) => index % 2 === 0)) principal.error = revoked;
  liveCallers.check();
  liveCallers.check();
  const late = Array.from({ length: 1_500 }, () => new TestConnection(callerOf(new Ann()), liveCallers));
  let count = 0;
  for (; !turns.isIdle; count++) await turns.next();
  assert.deepEqual(
    connections.map(({ endedWith }) => endedWith.length),
    connections.map((_, index) => (index % 2 === 0 ? 1 : 0)),
  );
  assert.ok(late.every(({ endedWith }) => endedWith.length === 0));
  assert.ok(count <= 60, `${count} turns`);
});

test("a token ends what the connection reads under a name that it may not use", async () => {
  const { open, liveCallers } = countedService();
  const caller = callerOf({ ...unrestricted, namePrefix: "~" });
  const connection = new TestConnection(caller, liveCallers);
  const named = await open(caller, "den", "~bob");
  const nameless = await open(caller, "hall");
  caller.principal = { ...unrestricted, user: "ann", may: (action) => action !== "send-as" };
  liveCallers.principalChanged(connection);
  assert.equal(named.state, "closed");
  assert.notEqual(nameless.state, "closed");
  const own = await open(caller, "den", "ann");
  liveCallers.principalChanged(connection);
  assert.notEqual(own.state, "closed");
  assert.deepEqual(connection.endedWith, []);
});

// A reader was told who came and went for as long as its stream lived, although ListMembers was refused.
test("who may not see the members any more is told no more who comes and goes, and reads on", async () => {
  const { hub, open, liveCallers, turns } = countedService();
  const [ann, bob] = [new Ann(), new Ann("bob")];
  const connection = new TestConnection(callerOf(ann), liveCallers);
  const [framed, stream, others] = [new RecordingSink(), new RecordingSink(), new RecordingSink()];
  const subscriptions = [
    await open(connection.caller, "den", "", framed),
    await open(callerOf(ann), "den", "", stream),
    await open(callerOf(bob), "den", "", others),
  ];
  const heard = async (user: string) => {
    await open(callerOf(new Ann(user)), "den", user);
    // Of the test service: an event leaves at the end of its turn.
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    return [framed, stream, others].map(({ presenceChanges }) => presenceChanges.map((change) => change.user).join());
  };
  assert.deepEqual(await heard("eve"), ["eve", "eve", "eve"]);
  ann.mayMembers = false;
  liveCallers.check();
  await turns.untilIdle();
  assert.deepEqual(await heard("dan"), ["eve", "eve", "eve,dan"]);
  hub.signal({ user: "eve", room: subscriptions[0]?.room.id ?? assert.fail(), kind: "typing" });
  assert.deepEqual(
    [framed, stream, others].map(({ signals }) => signals.length),
    [1, 1, 1],
  );
  // It would not know what it has missed.
  ann.mayMembers = true;
  liveCallers.check();
  await turns.untilIdle();
  assert.deepEqual(await heard("fay"), ["eve", "eve", "eve,dan,fay"]);
  assert.ok(subscriptions.every(({ state }) => state !== "closed"));
});

test("a token shown while a subscription begins decides whether it is told who comes and goes", async () => {
  const { open, liveCallers } = countedService();
  const connection = new TestConnection(callerOf(new Ann()), liveCallers);
  const sink = new RecordingSink();
  const opening = open(connection.caller, "den", "", sink);
  const next = new Ann();
  next.mayMembers = false;
  connection.caller.principal = next;
  liveCallers.principalChanged(connection);
  assert.equal((await opening).isToldPresence, false);
  await open(callerOf(new Ann("eve")), "den", "eve");
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
  assert.deepEqual(sink.presenceChanges, []);
});
