import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { inSeconds, newTestKey } from "./testing/tokens.js";
import { allWays, type Shown } from "./testing/ways.js";

// Every operation of the contract over every transport, by callers that differ in their token: the same code everywhere. The
// ways are made from the contract, so a new RPC, route or frame is among them by itself.

const key = newTestKey();
const can = ["read", "send", "signal", "history", "members", "list", "create"];

/** `admins`: the code for operations that need the permission `admin`, if it is another one. */
const callers: readonly (readonly [who: string, shown: () => Promise<Shown>, code: string, admins?: string])[] = [
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
    async () =>
      bearer(
        await key.token({
          "confab.rooms": [
            { pattern: "d*", can },
            { pattern: "*", can: ["admin"] },
          ],
        }),
      ),
    "done",
  ],
  ["with a token that does not say", async () => bearer(await key.token()), "done", "PERMISSION_DENIED"],
  [
    "with the permission admin for some rooms",
    async () => bearer(await key.token({ "confab.rooms": [{ pattern: "d*", can: [...can, "admin"] }] })),
    "done",
    "PERMISSION_DENIED",
  ],
  ["with a token that was revoked", revokedToken, "UNAUTHENTICATED"],
  ["of a user whose tokens were revoked", tokenOfRevokedUser, "UNAUTHENTICATED"],
  ["of a user who was revoked, by an issuer whose clock is ahead", tokenOfFastClock, "UNAUTHENTICATED"],
  [
    "of that user with a token that was issued later",
    async () =>
      bearer(
        await key.token({
          sub: "mallory",
          iat: inSeconds(-1),
          "confab.rooms": [{ pattern: "*", can: [...can, "send-as"] }],
        }),
      ),
    "done",
    "PERMISSION_DENIED",
  ],
];

const otherKey = newTestKey();
const bearer = (token: string): Shown => ({ authorization: `Bearer ${token}` });

let server: ServerProcess;

/** A fast machine asks more often in a second than a user may signal. */
const limits = { maxSignalsPerSecond: 1_000 };

async function revoke(what: object): Promise<void> {
  const token = await key.token({ sub: "root", "confab.rooms": [{ pattern: "*", can: ["admin"] }] });
  const response = await fetch(`${server.url}/v1/admin/revocations`, {
    method: "POST",
    headers: { "content-type": "application/json", ...bearer(token) },
    body: JSON.stringify(what),
  });
  assert.equal(response.status, 200, await response.text());
}

async function revokedToken(): Promise<Shown> {
  const shown = bearer(await key.token({ jti: "lost" }));
  // It was good, and is known to the server.
  assert.equal((await fetch(`${server.url}/v1/rooms`, { headers: shown })).status, 200);
  await revoke({ tokenId: "lost" });
  return shown;
}

async function tokenOfRevokedUser(): Promise<Shown> {
  const shown = bearer(await key.token({ sub: "mallory", iat: inSeconds(-120) }));
  assert.equal((await fetch(`${server.url}/v1/rooms`, { headers: shown })).status, 200);
  await revoke({ user: "mallory", issuedBefore: new Date(Date.now() - 60_000).toISOString() });
  return shown;
}

async function tokenOfFastClock(): Promise<Shown> {
  const shown = bearer(await key.token({ sub: "trudy", iat: inSeconds(4) }));
  assert.equal((await fetch(`${server.url}/v1/rooms`, { headers: shown })).status, 200);
  await revoke({ user: "trudy" });
  return shown;
}

describe("each operation over each transport", () => {
  before(async () => {
    server = await startServerProcess({ flags: { auth: { keyFiles: [key.file] }, durability: "os", limits } });
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

  for (const [who, shown, code, admins = code] of callers) {
    it(`is answered with ${code} to a caller ${who}`, async () => {
      const fields = await shown();
      const others: string[] = [];
      for (const { name, isAdmins, ask } of allWays()) {
        // Rooms `den-…`, which this token is for, are of the prefix, too.
        if (who === "with a token for other rooms" && name.startsWith("subscribe_prefix")) continue;
        const outcome = await ask(server.url, fields);
        if (outcome !== (isAdmins ? admins : code)) others.push(`${name}: ${outcome}`);
      }
      assert.deepEqual(others, []);
    });
  }
});
