import assert from "node:assert/strict";
import { test } from "node:test";
import { parseOptions } from "./options.js";

test("three nodes on port 8080 and a Redis of their own, if nothing else is said", () => {
  assert.deepEqual(parseOptions([]), {
    kind: "run",
    options: { nodes: 3, port: 8080, redisUrl: undefined, dataDir: undefined, serveArgs: [] },
  });
});

test("what follows -- is for every node", () => {
  const parsed = parseOptions(["--nodes", "5", "--redis", "redis://h:1", "--", "--limit", "maxRooms=5"]);
  assert.ok(parsed.kind === "run");
  assert.deepEqual(parsed.options.serveArgs, ["--limit", "maxRooms=5"]);
  assert.equal(parsed.options.nodes, 5);
  assert.equal(parsed.options.redisUrl, "redis://h:1");
});

test("a wrong option is named, with what is due", () => {
  const wrong: readonly [readonly string[], RegExp][] = [
    [["--nodes", "0"], /--nodes 0: must be a whole number from 1 to 64/],
    [["--nodes", "2.5"], /--nodes 2\.5/],
    [["--port", "65536"], /--port 65536: must be a whole number from 0 to 65535/],
    [["--redis", "redis://h", "--data", "d"], /--data is for a Redis of the cluster's own/],
    [["--colour"], /--colour/],
  ];
  for (const [args, reason] of wrong) {
    const parsed = parseOptions(args);
    assert.ok(parsed.kind === "wrong", args.join(" "));
    assert.match(parsed.reason, reason);
  }
});
