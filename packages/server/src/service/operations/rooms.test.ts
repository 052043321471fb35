import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { ListRoomsRequestSchema } from "@confab/contract/gen/confab/v1/room_pb";
import { testCaller } from "../../testing/test-caller.js";
import { testService } from "../../testing/test-service.js";
import { unrestricted } from "./principal.js";

/** Lists pages as a caller that may list rooms whose names begin with `public-`. */
async function publicLister(...rooms: readonly string[]) {
  const { service, say } = testService();
  for (const room of rooms) await say(room, "x");
  const may = (_action: unknown, scope: string) => scope === "some room" || scope.startsWith("public-");
  const caller = { ...testCaller(), principal: { ...unrestricted, may } };
  return async (asked: { limit?: number; page?: string; prefix?: string }) => {
    const names: string[] = [];
    const take = (listed: readonly { readonly room: string }[]) => void names.push(...listed.map(({ room }) => room));
    const form = { begin: async () => undefined, unitsPerItem: 1, take };
    const nextPage = await service.operations.rooms(create(ListRoomsRequestSchema, asked), caller, form);
    return { names, nextPage };
  };
}

const numbered = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix}${String(index).padStart(3, "0")}`);

test("pages of rooms never name a room that the caller may not list, whatever their limit", async () => {
  const visible = numbered("public-", 120);
  const list = await publicLister("a-secret", ...visible, ...numbered("public", 70), ...numbered("secret-", 130));
  for (const limit of [1, 2, 49, 50, 51, 119, 120, 121, 1_000]) {
    const seen: string[] = [];
    for (let page = ""; ; ) {
      const { names, nextPage } = await list({ limit, page });
      seen.push(...names);
      assert.ok(nextPage === "" || nextPage === names.at(-1), `limit ${limit} answered nextPage ${nextPage}`);
      if (nextPage === "") break;
      assert.equal(names.length, limit);
      page = nextPage;
    }
    assert.deepEqual(seen, visible, `limit ${limit}`);
  }
});

test("what a page of rooms answers does not depend on rooms that the caller may not list", async () => {
  const visible = ["public-a", "public-m", "public-z"];
  const alone = await publicLister(...visible);
  const hidden = await publicLister(...visible, "a", "public", "publicx", "secret-merger", ...numbered("public0", 60));
  for (const page of ["", "a", "public", "public-a", "public-z", "publicx", "secret-a", "secret-merger", "zz"])
    for (const prefix of ["", "p", "public", "secret"])
      for (const limit of [1, 2, 3, 4])
        assert.deepEqual(
          await hidden({ page, prefix, limit }),
          await alone({ page, prefix, limit }),
          `page ${page}, prefix ${prefix}, limit ${limit}`,
        );
});
