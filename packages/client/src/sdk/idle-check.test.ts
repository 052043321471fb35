import assert from "node:assert/strict";
import { test } from "node:test";
import { Client } from "./client.js";
import { FakeServer } from "./testing/fake-server.js";
import { ManualClock, settled } from "./testing/manual-clock.js";

test("a silent reader asks for what follows what it knows to be quiet, and not for that again", async () => {
  const [server, clock] = [new FakeServer(), new ManualClock()];
  server.transport = "sse";
  const platform = { transports: ["sse"] as const, openLink: server.openLink.bind(server) };
  const client = new Client({ url: "http://a", idleCheckMs: 1_000, clock }, platform);
  const reading = client.room("r").subscribe(() => undefined, { after: "7:0" });
  await settled();
  const asked = async (ms: number) => {
    server.histories.length = 0;
    await clock.pass(ms);
    return server.histories.map(({ after }) => after);
  };
  server.last.push(1, 2);
  // Behind the messages there are changes, which this reader leaves out.
  server.start = "7:9";
  assert.deepEqual((await asked(4_500)).slice(0, 3), ["7:2", "7:9", "7:9"]);
  server.start = "7:12";
  assert.deepEqual((await asked(2_000)).slice(0, 2), ["7:9", "7:12"]);
  server.last.push(13);
  server.start = "7:13";
  await settled();
  assert.deepEqual((await asked(3_000)).slice(0, 2), ["7:13", "7:13"]);
  reading.unsubscribe();
  client.close();
});
