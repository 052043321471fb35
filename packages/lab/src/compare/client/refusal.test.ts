import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Sandbox } from "../../bench/sandbox.js";
import { type StartedTarget, startTarget } from "../../bench/targets/start-target.js";
import { bindSample } from "../sample/bound-sample.js";
import { transportNames } from "../transports.js";
import { createClientWire } from "./create-wire.js";

// "not an acknowledgement: it has no position", or "HTTP 400", was all that a report said of a message that was refused.
describe("a message that the server refuses", () => {
  const sandbox = new Sandbox(false);
  const sample = bindSample({ kind: "chat", user: "x".repeat(65), text: "refuse me" });
  let server: StartedTarget;
  before(async () => {
    server = await startTarget(sandbox, "confab", "os");
  });
  after(async () => {
    await server.stop();
    sandbox.close();
  });

  for (const name of transportNames) {
    it(`fails by ${name} in the server's own words`, async () => {
      const wire = createClientWire(name, sample);
      const { promise, resolve } = withResolvers();
      const options = { port: server.port, room: "refusals", isCompressed: false };
      const sender = wire.createSender({ ...options, acknowledged: () => resolve("accepted"), failed: resolve });
      try {
        await sender.open();
        sender.send("id-1");
        assert.match(await promise, /user: must be at most 64 characters/);
      } finally {
        sender.close();
      }
    });
  }
});

function withResolvers() {
  let resolve: (reason: string) => void = () => undefined;
  const promise = new Promise<string>((onResolve) => {
    resolve = onResolve;
  });
  return { promise, resolve };
}
