import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { inSeconds, newTestKey } from "./testing/tokens.js";
import { allWays, type Shown } from "./testing/ways.js";

// Every operation of the contract over every transport, by callers that differ in their token: the same code everywhere. The
// ways are made from the contract, so a new RPC, route or frame is among them by itself.

const key = newTestKey();
const can = ["read", "send", "signal", "history", "members", "list", "create"];

const callers: readonly (readonly [who: string, shown: () => Promise<Shown>, code: string])[] = [
  ["without a token", async () => ({}), "UNAUTHENTICATED"],
  ["with another scheme", async () => ({ authorization: "Basic YW5uOnNlY3JldA==" }), "UNAUTHENTICATED"],
  ["with a token that is not a JWT", async () => bearer("hello"), "UNAUTHENTICATED"],
  ["with a token of another key", async () => bearer(await otherKey.token()), "UNAUTHENTICATED"],
  ["with an expired token", async () => bearer(await key.token({ exp: inSeconds(-10) })), "TOKEN_EXPIRED"],
  [
    "with a token that is not valid yet",
    async () => bearer(await key.token({ nbf: inSeconds(600) })),
    "UNAUTHENTICATED",
  ],
  [
    "with a token for other rooms",
    async () => bearer(await key.token({ "confab.rooms": [{ pattern: "den-*", can, cannot: ["list"] }] })),
    "PERMISSION_DENIED",
  ],
  [
    "with a token that forbids what it allows",
    async () =>
      bearer(
        await key.token({
          "confab.rooms": [
            { pattern: "den", can },
            { pattern: "*", cannot: can },
          ],
        }),
      ),
    "PERMISSION_DENIED",
  ],
  [
    "with a token that allows it",
    async () => bearer(await key.token({ "confab.rooms": [{ pattern: "d*", can }] })),
    "done",
  ],
  ["with a token that does not say", async () => bearer(await key.token()), "done"],
];

const otherKey = newTestKey();
const bearer = (token: string): Shown => ({ authorization: `Bearer ${token}` });

describe("each operation over each transport", () => {
  let server: ServerProcess;
  before(async () => {
    server = await startServerProcess({ flags: { auth: { keyFiles: [key.file] }, durability: "os" } });
    await fetch(`${server.url}/v1/rooms/den/messages`, {
      method: "POST",
      headers: { "content-type": "application/json", ...bearer(await key.token()) },
      body: '{"text":"first"}',
    }).then((response) => assert.equal(response.status, 200));
  });
  after(async () => {
    await server.stop();
    key.remove();
    otherKey.remove();
  });

  for (const [who, shown, code] of callers) {
    it(`is answered with ${code} to a caller ${who}`, async () => {
      const fields = await shown();
      const others: string[] = [];
      for (const { name, ask } of allWays()) {
        const outcome = await ask(server.url, fields);
        if (outcome !== code) others.push(`${name}: ${outcome}`);
      }
      assert.deepEqual(others, []);
    });
  }
});
