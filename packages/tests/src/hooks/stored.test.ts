import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import type { Hooks } from "@confab/server";
import type { StoredEvent } from "@confab/server/hooks";
import { startServer } from "@confab/server/testing/start-server";
import { byConnect, byGrpc, byPlainHttp, type HookForm, inProcess } from "./testing/forms.js";

// What is stored reaches the team's own code, in every form that it can have: at least once, in order.

/** Longer than anything takes that is going to happen, in milliseconds. */
const patienceMs = 60_000;

async function becomes(ask: () => boolean): Promise<void> {
  for (const deadlineMs = Date.now() + patienceMs; !ask(); await new Promise(setImmediate))
    assert.ok(Date.now() < deadlineMs, "it did not happen");
}

/** A data folder, and servers on it one after another. */
async function bench(t: TestContext, form: HookForm, stored: NonNullable<Hooks["stored"]>) {
  const dataDir = mkdtempSync(join(tmpdir(), "confab-test-"));
  const served = await form.serve({ stored });
  t.after(async () => {
    await served.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  const open = async () => {
    const server = await startServer({
      port: 0,
      engine: { kind: "embedded", dataDir, durability: "os" },
      hooks: served.hooks,
    });
    t.after(() => server.close());
    const say = async (room: string, text: string) => {
      const response = await fetch(`${server.url}/v1/rooms/${room}/messages`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ user: "ann", text, id: text }),
      });
      assert.equal(response.status, 200);
    };
    return { server, say };
  };
  return { open };
}

for (const form of [inProcess, byGrpc, byConnect, byPlainHttp]) {
  describe(`the hook stored ${form.name}`, () => {
    it("is given every message of every room, in order and as it is stored", async (t) => {
      const events: StoredEvent[] = [];
      const { open } = await bench(t, form, (event) => void events.push(event));
      const { say } = await open();
      for (let index = 0; index < 50; index++) await say(`room-${index % 3}`, String(index));
      const count = () => events.reduce((sum, { messages }) => sum + messages.length, 0);
      await becomes(() => count() >= 50);
      assert.equal(count(), 50);
      for (const room of [0, 1, 2]) {
        const messages = events.filter((event) => event.room === `room-${room}`).flatMap((event) => event.messages);
        const texts = messages.map(({ text }) => Number(text));
        assert.deepEqual(
          texts,
          Array.from({ length: texts.length }, (_, at) => 3 * at + room),
        );
        for (const [at, { position, user, id, text, isDeleted, sentAtMs }] of messages.entries()) {
          assert.match(position, new RegExp(`^\\d+:${at + 1}$`));
          assert.deepEqual([user, id, isDeleted], ["ann", text, false]);
          assert.ok(Math.abs(sentAtMs - Date.now()) < patienceMs);
        }
      }
    });

    it("is given changes of messages as what they are", async (t) => {
      const events: StoredEvent[] = [];
      const { open } = await bench(t, form, (event) => void events.push(event));
      const { server, say } = await open();
      await say("den", "wild");
      const change = async (what: string, more: object) => {
        const { newest } = (await (await fetch(`${server.url}/v1/rooms/den/messages?limit=1`)).json()) as {
          newest: { epoch: number };
        };
        const response = await fetch(`${server.url}/v1/rooms/den/messages:${what}`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ user: "ann", position: { epoch: newest.epoch, offset: "1" }, ...more }),
        });
        assert.equal(response.status, 200);
      };
      await change("edit", { text: "mild" });
      await change("react", { emoji: "👍" });
      const messages = () => events.flatMap((event) => event.messages);
      await becomes(() => messages().length >= 3);
      assert.deepEqual(
        messages().map(({ text, change }) => [text, change && { ...change, position: change.position.split(":")[1] }]),
        [
          ["wild", undefined],
          ["mild", { kind: "edit", position: "1" }],
          ["", { kind: "reaction", emoji: "👍", removed: false, position: "1" }],
        ],
      );
    });

    it("is given again what it did not take, and goes on where it was after a restart", async (t) => {
      let isAway = true;
      const taken: string[] = [];
      let refused = 0;
      const { open } = await bench(t, form, ({ messages }) => {
        if (isAway) {
          refused++;
          throw new Error("away");
        }
        taken.push(...messages.map(({ text }) => text));
      });
      const first = await open();
      await first.say("den", "1");
      await becomes(() => refused > 0);
      await first.say("den", "2");
      isAway = false;
      await becomes(() => taken.length >= 2);
      isAway = true;
      await first.say("den", "3");
      await first.server.close();
      const second = await open();
      await second.say("den", "4");
      isAway = false;
      await becomes(() => taken.length >= 4);
      assert.deepEqual(taken, ["1", "2", "3", "4"]);
    });
  });
}
