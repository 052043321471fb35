import assert from "node:assert/strict";
import { test } from "node:test";
import { UsedBytes } from "./used-bytes.js";

/** A server that answers with what is set, or fails. */
class TestServer {
  constructor(public answer: number | undefined | Error) {}

  async usedBytes(): Promise<number | undefined> {
    if (this.answer instanceof Error) throw this.answer;
    return this.answer;
  }
}

test("the bytes of all servers are added", async () => {
  assert.equal(await new UsedBytes().over([new TestServer(3), new TestServer(4)]), 7);
});

test("a server that does not answer counts with what it said last, and the others as they are", async () => {
  const used = new UsedBytes();
  const [first, second] = [new TestServer(3), new TestServer(4)];
  await used.over([first, second]);
  first.answer = new Error("away");
  second.answer = 1;
  assert.equal(await used.over([first, second]), 4);
});

test("nothing is known while a server has never answered, or may not be asked", async () => {
  const away = new TestServer(new Error("away"));
  await assert.rejects(new UsedBytes().over([new TestServer(3), away]), /away/);
  assert.equal(await new UsedBytes().over([new TestServer(3), new TestServer(undefined)]), undefined);
});
