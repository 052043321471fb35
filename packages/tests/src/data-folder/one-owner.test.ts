import { test } from "node:test";
import { Random } from "@confab/contract/testing/random";
import { requirePart } from "../optional-parts.js";
import { raceInNamespaces, stopOwner } from "./two-servers.js";

test("of two servers that start on one folder in two PID namespaces, exactly one acknowledges", async (t) => {
  const unshare = requirePart(t, "unshare");
  if (unshare !== undefined) await raceInNamespaces(3, unshare, new Random(1));
});

test("a server that is stopped keeps its folder: another one is refused, and it goes on when it is continued", () =>
  stopOwner(0));
