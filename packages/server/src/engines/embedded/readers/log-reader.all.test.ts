import { test } from "node:test";
import { killOwners } from "./testing/test-readers.js";

test("20 times: a reader goes on with the owner that follows one that was killed, and has what the last one has", (t) =>
  killOwners(t, 20));
