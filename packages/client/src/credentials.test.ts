import assert from "node:assert/strict";
import { test } from "node:test";
import { openLink, type Platform, type WebTransportName } from "./open-link.js";
import type { Fetch } from "./streams/http-body.js";

/** A platform whose requests are all answered with an empty page of rooms. */
function recording() {
  const said: (string | undefined)[] = [];
  const fetch: Fetch = async (url, { headers = {} }) => {
    said.push(headers["authorization"]);
    const type = url.includes("/v1/") ? "application/json" : "application/proto";
    return new Response(type === "application/json" ? "{}" : null, { headers: { "content-type": type } });
  };
  const platform: Platform = { fetch, makeSocket: () => assert.fail("no socket is due") };
  return { said, platform };
}

const byRequests: readonly WebTransportName[] = ["connect", "grpc-web", "sse", "websocket-plain", "websocket-proto"];

for (const transport of byRequests) {
  test(`requests of ${transport} carry the token that was given last`, async () => {
    const { said, platform } = recording();
    const link = openLink(transport, { url: "http://a", token: "first" }, platform);
    // gRPC-Web takes the empty body for no answer; what was asked is what counts.
    const ask = () => link.rooms().catch(() => undefined);
    await ask();
    await link.authenticate("second");
    await ask();
    assert.deepEqual(said, ["Bearer first", "Bearer second"]);
    link.close();
  });
}

test("a link without a token says nothing of one", async () => {
  const { said, platform } = recording();
  await openLink("connect", { url: "http://a" }, platform).rooms();
  assert.deepEqual(said, [undefined]);
});
