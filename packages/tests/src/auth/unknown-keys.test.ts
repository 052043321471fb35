import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { allWays } from "./testing/ways.js";

// The time to wait for keys had a fraction of a millisecond, which errors could not say: any client without a valid token ended
// the process, by the second token of an unknown key.

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
const token = `${part({ alg: "ES256", kid: "unknown" })}.${part({ sub: "ann" })}.${part({})}`;
const issuer = createServer((_request, response) => response.writeHead(503).end());
let server: ServerProcess;
before(async () => {
  await once(issuer.listen(0, "127.0.0.1"), "listening");
  const jwksUrl = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/keys`;
  server = await startServerProcess({ flags: { auth: { jwksUrl }, durability: "os" } });
});
after(async () => {
  await server.stop();
  issuer.close();
});

test("KEYS_UNAVAILABLE by every way, again and again, while keys cannot be fetched", async () => {
  const shown = { authorization: `Bearer ${token}` };
  for (const { name, ask } of allWays()) {
    for (let time = 0; time < 2; time++) {
      assert.equal(await ask(server.url, shown), "KEYS_UNAVAILABLE", name);
    }
  }
  assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
});
