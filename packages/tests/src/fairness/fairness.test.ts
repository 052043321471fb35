import assert from "node:assert/strict";
import { test } from "node:test";
import {
  callAttacks,
  costliestProtocols,
  frameAttacks,
  missing,
  pageAttacks,
  routeAttacks,
} from "./testing/catalogue.js";
import { fairnessSuite } from "./testing/suite.js";
import { assetPath } from "./testing/system.js";

// 1,000 history requests in one HTTP/2 packet held the event loop for 11 s. What a server offers is asked here in the most
// expensive way, as often as one connection allows, and nothing of that may keep other connections from their turns.

const attacks = [
  ...callAttacks(costliestProtocols),
  ...routeAttacks(["h1"]),
  ...pageAttacks([assetPath]),
  ...frameAttacks(["json"]),
];

test("everything that the server offers has an attack", () => {
  assert.deepEqual([...missing], []);
});

fairnessSuite("the most expensive requests", attacks);
