import { test } from "node:test";
import { Random } from "@confab/contract/testing/random";
import { requirePart } from "../optional-parts.js";
import { raceInNamespaces, stopOwner } from "./two-servers.js";

test("100 times: of two servers that start on one folder in two PID namespaces, exactly one acknowledges", async (t) => {
  const unshare = requirePart(t, "unshare");
  if (unshare !== undefined) await raceInNamespaces(100, unshare, new Random(2));
});

test("a server that is stopped for a minute keeps its folder against those that start meanwhile", () =>
  stopOwner(60_000));
