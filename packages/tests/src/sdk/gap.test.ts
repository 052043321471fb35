import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { ConfabError, type Gap, type TransportName } from "@confab/client/node";
import { type CutProxy, startCutProxy } from "../fixture/cut-proxy.js";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { quickClient } from "./conversation.js";

const transports: readonly TransportName[] = [
  "websocket-plain",
  "websocket-json",
  "websocket-proto",
  "connect",
  "grpc-web",
  "grpc",
  "sse",
];

describe("a client whose position is of a log that was lost", () => {
  let first: ServerProcess;
  let second: ServerProcess;
  let proxy: CutProxy;
  let position: string;

  before(async () => {
    [first, second] = await Promise.all([startServerProcess(), startServerProcess()]);
    const writer = quickClient({ url: first.url, user: "ada" });
    ({ position } = await writer.room("lobby").send("of the first log"));
    writer.close();
    const other = quickClient({ url: second.url, user: "ada" });
    for (const text of ["1", "2"]) await other.room("lobby").send(text);
    other.close();
    proxy = await startCutProxy(second.port);
  });
  after(async () => {
    await proxy.close();
    await Promise.all([first.stop(), second.stop()]);
  });

  for (const transport of transports) {
    it(`over ${transport} is told what there is, and never that it missed nothing`, async (t) => {
      const client = quickClient({ url: proxy.url, transport });
      t.after(() => client.close());
      await assert.rejects(
        async () => {
          for await (const { text } of client.room("lobby").messages({ after: position })) assert.fail(text);
        },
        (error) => {
          assert.ok(error instanceof ConfabError);
          assert.equal(error.code, "OUT_OF_RANGE");
          assert.deepEqual([error.facts.range?.oldest, error.facts.range?.newest], [1, 2]);
          return true;
        },
      );
      assert.equal(client.state.name, "live", "the client and its other rooms go on");
    });

    it(`over ${transport} goes on with the oldest message, after a word about the gap, if it was asked to`, async (t) => {
      const client = quickClient({ url: proxy.url, transport });
      t.after(() => client.close());
      const seen: (Gap | string)[] = [];
      client.on("gap", (gap) => seen.push(gap));
      for await (const { text } of client.room("lobby").messages({ after: position, onGap: "oldest" })) {
        seen.push(text);
        if (text === "2") break;
      }
      const [gap, ...texts] = seen;
      assert.ok(typeof gap === "object");
      assert.deepEqual([gap.room, gap.after, gap.resumesAfter.split(":")[1]], ["lobby", position, "0"]);
      assert.deepEqual(texts, ["1", "2"]);
    });
  }
});
