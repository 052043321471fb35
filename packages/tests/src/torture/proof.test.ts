import assert from "node:assert/strict";
import { test } from "node:test";
import type { Entry, Evidence, ReaderEvidence, Reading, RoomEvidence, SentMessage } from "./evidence.js";
import { prove } from "./proof.js";

const room = "a";

function entry(offset: number, change: Partial<Entry> = {}): Entry {
  return { epoch: 7, offset, id: `m${offset}`, digest: 100 + offset, sentAtUnixMs: 1_000 + offset, ...change };
}

function entries(...offsets: readonly number[]): Entry[] {
  return offsets.map((offset) => entry(offset));
}

function sentAt(offset: number, change: Partial<SentMessage> = {}): SentMessage {
  const acks = [{ position: `7:${offset}`, sentAtUnixMs: 1_000 + offset }];
  return { room, id: `m${offset}`, digest: 100 + offset, acks, ...change };
}

const log: RoomEvidence = { room, entries: entries(1, 2, 3, 4, 5), newestOffset: 5 };
const sent = [1, 2, 3, 4, 5].map((offset) => sentAt(offset));

function reader(heard: readonly Entry[], startOffset: number | undefined = 0): ReaderEvidence {
  return { name: "ann", room, startOffset, heard, ended: [], events: ["what ann did"] };
}

const whole: Evidence = {
  rooms: [log],
  losesLogs: false,
  sent,
  readers: [reader(log.entries), reader(entries(4, 5), 3)],
  violations: [],
};

/** The one thing that is wrong with what was seen. */
function faultOf(change: Partial<Evidence>): string {
  const { violations } = prove({ ...whole, ...change });
  assert.equal(violations.length, 1, JSON.stringify(violations));
  return violations[0]?.what ?? "";
}

test("what is as promised has no violation, and its figures are told", () => {
  const unacknowledged = { room, id: "m6", digest: 106, acks: [] };
  const { violations, figures } = prove({ ...whole, sent: [...sent, unacknowledged] });
  assert.deepEqual(violations, []);
  assert.deepEqual(figures, {
    rooms: 1,
    logged: 5,
    acknowledged: 5,
    unacknowledged: 1,
    unacknowledgedInLog: 0,
    readers: 2,
    compared: 7,
  });
});

test("a message that is dropped on its way to a reader is a gap, and its events are told", () => {
  const { violations } = prove({ ...whole, readers: [reader(entries(1, 2, 4, 5))] });
  assert.deepEqual(violations, [
    { where: "ann", what: "a gap: 3 was due, and m4 at 4 came", events: ["what ann did"] },
  ]);
});

test("a message that is dropped where a reader began is a gap", () => {
  assert.match(faultOf({ readers: [reader(entries(5), 3)] }), /a gap: 4 was due, and m5 at 5 came/);
});

test("a message that comes twice is seen, at once or later", () => {
  for (const heard of [entries(1, 2, 2, 3, 4, 5), entries(1, 2, 3, 2, 3, 4, 5), entries(1, 2, 3, 4, 5, 5)])
    assert.match(faultOf({ readers: [reader(heard)] }), /came again or out of order/);
});

test("messages that change places are seen", () => {
  assert.match(faultOf({ readers: [reader(entries(1, 3, 2, 4, 5))] }), /a gap: 2 was due, and m3 at 3 came/);
});

test("a reader that does not come to the end has stopped", () => {
  assert.match(faultOf({ readers: [reader(entries(1, 2, 3))] }), /it stopped: 4 never came, and the room went on to 5/);
  assert.match(faultOf({ readers: [reader([], 4)] }), /it stopped: 5 never came/);
  assert.match(faultOf({ readers: [{ ...reader([]), startOffset: undefined }] }), /never told where it began/);
});

test("a message that is another one at a reader than in the log is seen, whatever differs", () => {
  const changes = [{ id: "m9" }, { digest: 1 }, { sentAtUnixMs: 1 }, { epoch: 8 }];
  for (const change of changes) {
    const heard = [...entries(1, 2), entry(3, change), ...entries(4, 5)];
    assert.match(faultOf({ readers: [reader(heard)] }), /^at 3 it heard m[39] .*; the log has m3 /);
  }
});

test("a message at a reader that the log does not have is seen", () => {
  assert.match(faultOf({ readers: [reader(entries(1, 2, 3, 4, 5, 6))] }), /heard m6 at 6, which the log does not have/);
});

test("an acknowledged message that the log lost is seen", () => {
  assert.equal(faultOf({ sent: [...sent, sentAt(6)] }), "message m6, acknowledged at 7:6, is not there");
});

test("a message that stands elsewhere than one of its acknowledgements said is seen", () => {
  const [first] = sentAt(3).acks;
  assert.ok(first);
  for (const second of [
    { ...first, position: "7:4" },
    { ...first, sentAtUnixMs: 1 },
  ]) {
    const repeated = sentAt(3, { acks: [first, second] });
    assert.match(faultOf({ sent: sent.map((each) => (each.id === "m3" ? repeated : each)) }), /^message m3 was ack/);
  }
});

test("a message that the log has twice is seen, acknowledged or not", () => {
  const entriesTwice = [...log.entries, entry(6, { id: "m2", digest: 102, sentAtUnixMs: 1_002 })];
  const twice = { room, entries: entriesTwice, newestOffset: 6 };
  const unacknowledged = sent.map((each) => (each.id === "m2" ? sentAt(2, { acks: [] }) : each));
  const readers = [reader(entriesTwice)];
  assert.equal(faultOf({ rooms: [twice], sent: unacknowledged, readers }), "message m2 stands twice, at 2 and 6");
  const { violations } = prove({ ...whole, rooms: [twice], readers });
  assert.match(violations[0]?.what ?? "", /message m2 stands twice/);
});

test("a log with a hole, with another epoch, with what nobody sent or with other content is seen", () => {
  const fault = (changed: readonly Entry[]) =>
    prove({ ...whole, readers: [], rooms: [{ room, entries: changed, newestOffset: 5 }] }).violations[0]?.what ?? "";
  assert.equal(fault(entries(1, 2, 4, 5)), "the message at 7:4 stands where 7:3 is due");
  assert.equal(fault([...entries(1, 2, 3, 4), entry(5, { epoch: 8 })]), "the message at 8:5 stands where 7:5 is due");
  assert.equal(fault([...log.entries, entry(6)]), "nobody sent message m6 at 6");
  assert.match(fault([...entries(1, 2, 3, 4), entry(5, { digest: 1 })]), /m5 at 5 has other content than was sent/);
});

test("messages of a sender who was promised their order are seen when they stand in another", () => {
  const ordered = [1, 3, 2, 4, 5].map((offset) => sentAt(offset, { inOrderOf: "bob" }));
  assert.equal(faultOf({ sent: ordered }), "message m3 stands at 3, after one that was sent later");
});

test("what was found wrong during the run stays wrong", () => {
  assert.equal(
    faultOf({ violations: [{ where: "server", what: "it ended by itself with 1" }] }),
    "it ended by itself with 1",
  );
});

/** The log of epoch 7 was lost after `m5`; what came since is in one of epoch 8. */
function afterLoss(ended: readonly Reading[], change: Partial<Evidence> = {}): Partial<Evidence> {
  const inNewLog = [entry(1, { epoch: 8, id: "m6", digest: 106 })];
  const readers = ended.map((reading) => ({ ...reader(inNewLog), ended: [reading] }));
  const sentLater = sentAt(6, { acks: [{ position: "8:1", sentAtUnixMs: 1_001 }] });
  const rooms = [{ room, entries: inNewLog, newestOffset: 1 }];
  return { rooms, losesLogs: true, sent: [...sent, sentLater], readers, ...change };
}

test("a log that was lost on purpose costs its readers what they had heard, and nobody else anything", () => {
  const { violations } = prove({ ...whole, ...afterLoss([{ startOffset: 0, heard: entries(1, 2, 3) }]) });
  assert.deepEqual(violations, []);
});

test("a lost log is still one log: whole for each reader, the same for all, and what senders were told of it", () => {
  const heard = entries(1, 2, 3);
  assert.match(faultOf(afterLoss([{ startOffset: 0, heard: entries(1, 3) }])), /m3 at 7:3 of a lost log came where 2/);
  assert.match(
    faultOf(afterLoss([{ startOffset: 0, heard: [...entries(1), entry(2, { epoch: 9 })] }])),
    /m2 at 9:2 came among messages of epoch 7/,
  );
  const other = [...entries(1), entry(2, { id: "m9" })];
  const readings = [heard, other].map((each) => ({ startOffset: 0, heard: each }));
  assert.match(faultOf(afterLoss(readings)), /at 7:2 of a lost log it heard m9 .* heard m2/);
  const elsewhere = sentAt(2, { acks: [{ position: "7:3", sentAtUnixMs: 1_002 }] });
  assert.match(
    faultOf(afterLoss([{ startOffset: 0, heard }], { sent: [elsewhere, ...(afterLoss([]).sent ?? []).slice(5)] })),
    /m2 was acknowledged at 7:3 of a lost log, where m3 was heard/,
  );
});

test("nobody may be told OUT_OF_RANGE of a log that is there", () => {
  const ended = [{ startOffset: 0, heard: entries(1) }];
  assert.match(
    faultOf({ readers: [{ ...reader(log.entries), ended }] }),
    /it was told OUT_OF_RANGE, and no log was lost/,
  );
  assert.match(
    faultOf({ losesLogs: true, readers: [{ ...reader(log.entries), ended }] }),
    /it was told OUT_OF_RANGE after 7:1, of a log that is there/,
  );
});
