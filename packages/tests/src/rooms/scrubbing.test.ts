import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { adminWays } from "./testing/admin-ways.js";

describe("an operator scrubs, and then no file has", () => {
  let server: ServerProcess;
  before(async () => {
    server = await startServerProcess();
  });
  after(() => server.stop());

  const filesWith = async (text: string) => {
    const found: string[] = [];
    for (const each of await readdir(server.dataDir, { withFileTypes: true, recursive: true })) {
      const path = join(each.parentPath, each.name);
      if (each.isFile() && (await readFile(path)).includes(text)) found.push(path);
    }
    return found;
  };

  const say = async (room: string, user: string, text: string) => {
    const reply = await fetch(`${server.url}/v1/rooms/${room}/messages`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ user, text, id: `${user}-${Math.random()}` }),
    });
    assert.ok(reply.ok);
    return ((await reply.json()) as { position: Readonly<Record<string, number | string>> }).position;
  };

  for (const [index, [name, ask]] of adminWays(() => server).entries()) {
    const [room, user, secret] = [`closed-${index}`, `erika-mustermann-${index}`, `the-plan-${index}`];
    it(`what was deleted and erased: over ${name}`, async () => {
      for (let n = 0; n < 20; n++) {
        await say(room, "otto", secret);
        await say("lobby", user, secret);
        await say("lobby", "otto", `said-by-others-${index}`);
      }
      const position = await say("lobby", "otto", secret);
      for (const text of [user, secret]) assert.notDeepEqual(await filesWith(text), []);
      assert.equal((await ask("DeleteRoom", "POST rooms:delete", { room })).reply["messages"], "20");
      assert.equal((await ask("EraseUser", "POST users:erase", { user })).reply["messages"], "20");
      assert.equal((await ask("EraseMessage", "POST erasures", { room: "lobby", position })).code, "");
      assert.deepEqual(await ask("Scrub", "POST scrub", {}), { code: "", reply: {} });
      for (const text of [user, secret]) assert.deepEqual(await filesWith(text), [], text);
      assert.notDeepEqual(await filesWith(`said-by-others-${index}`), []);
      assert.equal((await ask("Scrub", "POST scrub", {}, "")).code, "PERMISSION_DENIED");
    });
  }

  it("after several calls at once, all of them", async () => {
    const [, ask] = adminWays(() => server)[0] ?? assert.fail();
    await say("lobby", "nora", "x");
    await ask("EraseUser", "POST users:erase", { user: "nora" });
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask("Scrub", "POST scrub", {})));
    assert.deepEqual([...new Set(answers.map(({ code }) => code))], [""]);
    assert.deepEqual(await filesWith("nora"), []);
  });
});
