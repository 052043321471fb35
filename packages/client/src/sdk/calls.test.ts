import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError } from "@confab/contract";
import type { Link, RoomsPage } from "../link.js";
import { Client } from "./client.js";
import { FakeServer } from "./testing/fake-server.js";
import { ManualClock, settled } from "./testing/manual-clock.js";

const page: RoomsPage = { rooms: [], nextPage: "" };

/** A client whose links answer `rooms` with these, in turn. */
function clientAnswered(answers: (ConfabError | RoomsPage)[]) {
  const [server, clock] = [new FakeServer(), new ManualClock()];
  const asked = { times: 0 };
  const openLink: typeof server.openLink = (transport, options) => {
    const link: Link = server.openLink(transport, options);
    return Object.assign(link, {
      rooms: async () => {
        asked.times++;
        const answer = answers.shift() ?? page;
        if (answer instanceof ConfabError) throw answer;
        return answer;
      },
    });
  };
  const platform = { transports: ["websocket-proto"] as const, openLink };
  return { asked, clock, client: new Client({ url: "http://a", random: () => 0.5, clock }, platform) };
}

test("a question that the server puts off is asked again, after the wait that it advises", async () => {
  const later = new ConfabError("ENGINE_UNAVAILABLE", "Redis cannot be reached", { retryAfterMs: 2_000 });
  const { asked, clock, client } = clientAnswered([later, later]);
  const answer = client.rooms();
  await settled();
  assert.equal(asked.times, 1);
  await clock.pass(1_999);
  assert.equal(asked.times, 1);
  await clock.pass(10_000);
  assert.equal(await answer, page);
  assert.equal(asked.times, 3);
});

test("a question waits no longer than its timeout, and ends at once when its signal aborts", async () => {
  const later = new ConfabError("ENGINE_UNAVAILABLE", "Redis cannot be reached", { retryAfterMs: 60_000 });
  const { clock, client } = clientAnswered([later, later]);
  const late = assert.rejects(client.rooms({}, { timeoutMs: 5_000 }), { code: "DEADLINE_EXCEEDED" });
  await settled();
  await clock.pass(5_000);
  await late;
  const abort = new AbortController();
  const aborted = assert.rejects(client.rooms({}, { signal: abort.signal }), { code: "ENGINE_UNAVAILABLE" });
  await settled();
  abort.abort();
  await aborted;
});

test("a question that would be refused again is not asked again", async () => {
  const { asked, client } = clientAnswered([new ConfabError("INVALID_MESSAGE", "no")]);
  await assert.rejects(client.rooms(), { code: "INVALID_MESSAGE" });
  assert.equal(asked.times, 1);
});
