import assert from "node:assert/strict";
import { test } from "node:test";
import type { TransportName } from "@confab/client/node";
import { startServerProcess } from "../fixture/server-process.js";
import { quickClient } from "./conversation.js";

const transports: readonly TransportName[] = ["websocket-json", "websocket-proto", "grpc", "connect", "sse"];

test("a token is replaced while everything goes on over the same connection", { timeout: 30_000 }, async (t) => {
  const server = await startServerProcess();
  t.after(() => server.stop());
  for (const transport of transports) {
    const seen: string[] = [];
    let thirdAsked: () => void = () => undefined;
    const renewed = new Promise<void>((resolve) => {
      thirdAsked = resolve;
    });
    let asked = 0;
    const token = () => {
      // The third one shows that the server took the second.
      if (++asked === 3) thirdAsked();
      return { token: `token ${asked}`, expiresAtMs: Date.now() + 100 * asked };
    };
    const client = quickClient({ url: server.url, transport, user: "ada", token });
    client.on("tokenFailed", ({ message }) => seen.push(message));
    client.on("state", ({ name }) => seen.push(name));
    await renewed;
    client.close();
    assert.deepEqual(seen, ["live", "closed"], transport);
  }
});
