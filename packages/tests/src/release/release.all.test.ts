import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { mustRun } from "../fixture/run-program.js";
import { groups } from "./groups.js";

const program = fileURLToPath(new URL("./main.js", import.meta.url));

describe("nothing is left of what is over", { concurrency: 2 }, () => {
  for (const name of Object.keys(groups)) {
    it(`of ${name}`, async () => {
      assert.deepEqual(JSON.parse(await mustRun(process.execPath, [program, name])), []);
    });
  }
});
