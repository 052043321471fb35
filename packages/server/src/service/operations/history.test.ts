import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { PayloadTypes } from "@confab/contract";
import { ReactRequestSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { GetHistoryRequestSchema } from "@confab/contract/gen/confab/v1/room_pb";
import { testCaller } from "../../testing/test-caller.js";
import { type TestService, testService } from "../../testing/test-service.js";

/** A room of one message and many reactions to it. */
async function roomOfReactions(count: number): Promise<TestService> {
  const room = testService({}, PayloadTypes.none(), {});
  await room.say("den", "a");
  const of = { room: "den", position: { epoch: 7, offset: 1n } };
  for (let at = 0; at < count; at++)
    await room.service.operations.react(
      create(ReactRequestSchema, { ...of, user: `u${at}`, emoji: "+1" }),
      testCaller(),
    );
  return room;
}

/** Ask for a page whose client goes away when so many pieces of the log were read. */
function ask(
  { service, engine }: TestService,
  asked: MessageInitShape<typeof GetHistoryRequestSchema>,
  goesAfter = 1e9,
) {
  const begun: (boolean | undefined)[] = [];
  let pieces = 0;
  for (const name of ["readForward", "readBackward"] as const) {
    const read = engine.log[name].bind(engine.log);
    engine.log[name] = (...range) => {
      pieces += 1;
      return read(...range);
    };
  }
  const form = {
    begin: async (isScan?: boolean) => void begun.push(isScan),
    isOver: () => pieces >= goesAfter,
    maxBytes: 100_000,
    sizesOf: () => [],
    unitsPerEntry: 1,
    unitsPerKib: 1,
  };
  const page = service.operations.history(
    create(GetHistoryRequestSchema, { room: "den", ...asked }),
    testCaller(),
    form,
  );
  return { page, begun, pieces: () => pieces };
}

test("a page takes the place of a scan once it has many changes to pass over, and a folded one at once", async () => {
  const room = await roomOfReactions(1_500);
  for (const [asked, wanted] of [
    [{ changes: true, limit: 5 }, [false]],
    [{ limit: 5 }, [false, true]],
    [{ limit: 1, oldestFirst: true }, [false]],
    [{ limit: 1, oldestFirst: true, folded: true }, [true]],
    [{ limit: 1, changes: true, history: 1 }, [true]],
  ] as const) {
    const { page, begun } = ask(room, asked);
    assert.ok((await page).run.count > 0);
    assert.deepEqual(begun, wanted, JSON.stringify(asked));
  }
});

test("the log is not looked through further once the client has gone", async () => {
  for (const asked of [{ limit: 5 }, { limit: 1, oldestFirst: true, folded: true }]) {
    const { page, pieces } = ask(await roomOfReactions(1_500), asked, 2);
    await assert.rejects(page, { code: "CANCELLED" });
    assert.equal(pieces(), 2);
  }
});
