import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "@confab/client/node";
import { openFolderHistory } from "@confab/server/folder";
import { until } from "../fixture/redis-cluster.js";
import { startServerProcess } from "../fixture/server-process.js";

// SECURITY.md says so. What is deleted is in the write-ahead log alone when the reader has connected, and then.
test("a process that reads the data folder gives a deleted text to no reader once it knows of the deletion", async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), "confab-deleted-"));
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  const server = await startServerProcess({ dataDir });
  t.after(() => server.stop());
  const client = connect({ url: server.url, user: "ann" });
  t.after(() => client.close());
  const room = client.room("den");
  const { position } = await room.send({ text: "hunter2" });

  const folder = await openFolderHistory(dataDir);
  t.after(() => folder.close());
  const first = async () => (await folder.page({ room: "den", limit: 10 })).messages[0];
  await until(async () => (await first())?.text === "hunter2");
  await room.delete(position);
  await until(async () => (await first())?.deleted === true);
  assert.equal((await first())?.text, "");

  // A process opens a folder once.
  await folder.close();
  const late = await openFolderHistory(dataDir);
  t.after(() => late.close());
  const { messages } = await late.page({ room: "den", limit: 10 });
  assert.deepEqual([messages[0]?.text, messages[0]?.deleted], ["", true]);
});
