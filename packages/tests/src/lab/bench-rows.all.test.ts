import assert from "node:assert/strict";
import { it } from "node:test";
import { toolNames, versionsOfTool } from "@confab/lab/testing/peer-versions";
import { requirePart } from "../optional-parts.js";
import { benchRows } from "./bench-row.js";

benchRows();

for (const name of toolNames) {
  it(`${name} has the version that its lock file names`, (t) => {
    if (requirePart(t, name === "bun" ? "bun" : "go-peers") === undefined) return;
    const { pinned, said } = versionsOfTool(name);
    assert.ok(pinned);
    assert.equal(said, pinned);
  });
}
