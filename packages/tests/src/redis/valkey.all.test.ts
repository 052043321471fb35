// The Redis engine on Valkey. Debian's Redis is 7.0; what changed in 7.2 and later is in Valkey too. This Valkey is built without
// TLS, so redis/serve stays with Debian's.
import { describe, it } from "node:test";
import { runTestFile } from "../fixture/test-file.js";
import { requirePart } from "../optional-parts.js";

const suites = [
  "redis/single",
  "redis/start",
  "redis/restarts",
  "redis/erasing",
  "redis/expiry",
  "redis/memory",
  "redis/newer-format",
  "redis/subscriptions",
  "redis/connections",
  "redis/slot-migration",
];

describe("on Valkey", () => {
  for (const path of suites) {
    it(`${path} holds`, async (t) => {
      const valkey = requirePart(t, "valkey");
      if (valkey === undefined) return;
      await runTestFile(path, { CONFAB_REDIS_SERVER: valkey });
    });
  }
});
