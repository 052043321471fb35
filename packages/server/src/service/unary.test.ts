import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { ConfabError } from "@confab/contract";
import { ChatService } from "@confab/contract/gen/confab/v1/chat_service_pb";
import { GetHistoryRequestSchema } from "@confab/contract/gen/confab/v1/room_pb";
import { connectionCaller } from "../testing/test-caller.js";
import { testService } from "../testing/test-service.js";
import { type ReplyRoom, Work } from "../work/index.js";

/** Ask for a page as a client that reads no answer. */
function ask(isOver: boolean) {
  const work = new Work();
  const held: ReplyRoom[] = [];
  const caller = {
    ...connectionCaller("connect", "192.0.2.1", work.share()),
    isOver,
    hold: (room: ReplyRoom) => void held.push(room),
  };
  const request = create(GetHistoryRequestSchema, { after: { epoch: 7, offset: 9n } });
  const page = testService().service.unary.get(ChatService.method.getHistory)?.callInJson(request, caller);
  return { page: page ?? assert.fail(), work, held };
}

for (const [what, isOver, code] of [
  ["that could not be made", false, "OUT_OF_RANGE"],
  ["whose call was over before there was room for it", true, "CANCELLED"],
] as const) {
  test(`a page ${what} takes no room while its error waits for the client`, async () => {
    const { page, work, held } = ask(isOver);
    await assert.rejects(page, (error: unknown) => error instanceof ConfabError && error.code === code);
    assert.equal(work.counts.replyBytes, 0);
    assert.equal(held.length, isOver ? 0 : 1);
  });
}
