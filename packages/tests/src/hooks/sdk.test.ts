import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, type TransportName } from "@confab/client/node";
import { inProcess } from "./testing/forms.js";
import { hookedServer } from "./testing/hooked-server.js";

const transports: readonly TransportName[] = [
  "websocket-plain",
  "websocket-json",
  "websocket-proto",
  "connect",
  "grpc-web",
  "grpc",
  "sse",
];

test("a client that the hook connect refuses is told so, and does not come back", async (t) => {
  let asked = 0;
  const { url } = await hookedServer(t, inProcess, {
    connect: () => {
      asked++;
      return { refuse: "log in first" };
    },
  });
  for (const transport of transports) {
    const client = connect({ url, user: "ann", transport });
    t.after(() => client.close());
    asked = 0;
    const error = await client.room("den").subscribe(() => undefined).ended;
    assert.match(String(error), /HOOK_REFUSED|log in first/, transport);
    assert.equal(client.state.name, "closed", transport);
    assert.ok(asked <= 2, `${transport} asked ${asked} times`);
  }
});
