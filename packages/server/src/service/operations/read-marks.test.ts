import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { PayloadTypes } from "@confab/contract";
import { ListReadMarksRequestSchema, MarkReadRequestSchema } from "@confab/contract/gen/confab/v1/read_mark_pb";
import { ListRoomsRequestSchema } from "@confab/contract/gen/confab/v1/room_pb";
import type { ListedMark } from "../../core/index.js";
import { testCaller } from "../../testing/test-caller.js";
import { testService } from "../../testing/test-service.js";
import { type Action, type Principal, unrestricted } from "./principal.js";
import type { ListedRoom } from "./rooms.js";

const denied = { code: "PERMISSION_DENIED" };

function callerOf(user: string | undefined, ...can: readonly string[]) {
  const may: Principal["may"] = (action: Action, scope) => can.includes(action) || can.includes(`${action} ${scope}`);
  return { ...testCaller(), principal: { ...unrestricted, user, may } };
}

async function room(policy = {}) {
  const { service, say } = testService({}, PayloadTypes.none(), policy);
  await say("den", "a", "b", "c");
  const { operations } = service;
  const mark = (caller: ReturnType<typeof callerOf>, user: string, offset: bigint) =>
    operations.markRead(create(MarkReadRequestSchema, { room: "den", user, position: { epoch: 7, offset } }), caller);
  const list = async (caller: ReturnType<typeof callerOf>, user = "") => {
    const found: ListedMark[] = [];
    const form = {
      begin: async () => undefined,
      unitsPerItem: 1,
      take: (marks: readonly ListedMark[]) => found.push(...marks),
    };
    await operations.readMarks(create(ListReadMarksRequestSchema, { room: "den", user }), caller, form as never);
    return found.map(({ user, position }) => `${user} ${position.offset}`);
  };
  const rooms = async (caller: ReturnType<typeof callerOf>, reader: string) => {
    const found: ListedRoom[] = [];
    const form = {
      begin: async () => undefined,
      unitsPerItem: 1,
      take: (rooms: readonly ListedRoom[]) => found.push(...rooms),
    };
    await operations.rooms(create(ListRoomsRequestSchema, { reader }), caller, form as never);
    return found.map(({ room, mark }) => `${room} ${mark?.position.offset} ${mark?.unread}`);
  };
  return { mark, list, rooms, say };
}

test("a user marks in its own name with the permission read; another's takes send-as", async () => {
  const { mark } = await room();
  assert.equal((await mark(callerOf("ann", "read"), "ann", 2n)).unread, 1);
  assert.equal((await mark(callerOf("ann", "read"), "", 3n)).user, "ann");
  await assert.rejects(async () => mark(callerOf("ann", "read"), "bob", 2n), denied);
  await assert.rejects(async () => mark(callerOf("ann", "send"), "ann", 2n), denied);
  assert.equal((await mark(callerOf("service", "read", "send-as"), "bob", 1n)).user, "bob");
});

test("one's own mark is listed with read, those of others with members, and in no room without presence", async () => {
  for (const hasPresence of [true, false]) {
    const { mark, list } = await room({ hasPresence });
    for (const user of ["ann", "bob"]) await mark(callerOf(user, "read"), user, 2n);
    assert.deepEqual(await list(callerOf("ann", "read"), "ann"), ["ann 2"]);
    assert.deepEqual(await list(callerOf("cay", "read"), "cay"), []);
    for (const user of ["", "bob"]) {
      await assert.rejects(list(callerOf("ann", "read"), user), denied);
      const listed = list(callerOf("ann", "read", "members"), user);
      if (!hasPresence) await assert.rejects(listed, denied);
      else assert.deepEqual(await listed, user === "" ? ["ann 2", "bob 2"] : ["bob 2"]);
    }
  }
});

test("lists of rooms have the marks of the caller alone, in rooms that it may read", async () => {
  const { mark, rooms, say } = await room();
  await say("attic", "x");
  await mark(callerOf("ann", "read"), "ann", 2n);
  assert.deepEqual(await rooms(callerOf("ann", "list", "read den"), "ann"), ["attic undefined undefined", "den 2 1"]);
  assert.deepEqual(await rooms(callerOf("ann", "list", "read"), ""), [
    "attic undefined undefined",
    "den undefined undefined",
  ]);
  await assert.rejects(rooms(callerOf("bob", "list", "read"), "ann"), denied);
  const service = callerOf("service", "list", "read", "send-as some room", "send-as den");
  assert.deepEqual(await rooms(service, "ann"), ["attic undefined undefined", "den 2 1"]);
});
