import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Random } from "@confab/contract/testing/random";
import { type ServeAttempt, sendTo, serveOn, textsAt } from "./serve-on.js";

/** A folder for one test's servers, which are all ended with it. */
export async function withServers(
  run: (dataDir: string, start: (by?: readonly string[]) => ServeAttempt) => Promise<void>,
): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), "confab-servers-"));
  const attempts: ServeAttempt[] = [];
  try {
    await run(dataDir, (by) => {
      const attempt = serveOn(dataDir, by);
      attempts.push(attempt);
      return attempt;
    });
  } finally {
    await Promise.all(attempts.map(({ program }) => program.stop()));
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** Start `starts` after random times; exactly one of them may serve. Resolves with that one, its URL, and what others said. */
async function startAll(starts: readonly (() => ServeAttempt)[], random: Random) {
  const attempts = await Promise.all(
    starts.map(async (start) => {
      await pause(random.int(0, 60));
      const attempt = start();
      return { attempt, url: await attempt.url };
    }),
  );
  const serving = attempts.flatMap(({ attempt, url }) => (url === undefined ? [] : [{ attempt, url }]));
  const refusals = await Promise.all(
    attempts.filter(({ url }) => url === undefined).map(({ attempt }) => attempt.refusal()),
  );
  assert.equal(serving.length, 1, `exactly one serves:\n${refusals.join("\n")}`);
  for (const refusal of refusals) assert.match(refusal, /is in use by/);
  return serving[0] as (typeof serving)[0];
}

/**
 * Rounds on one folder: a server in each of two PID namespaces starts at a random moment, the one that serves takes
 * messages and is killed. Every acknowledgement has its own position, and the last server has them all.
 */
export async function raceInNamespaces(rounds: number, unshare: string, random: Random): Promise<void> {
  const inNamespace = [unshare, "--pid", "--fork", "--kill-child", "--mount-proc"];
  await withServers(async (_, start) => {
    const acknowledged = new Map<number, string>();
    const check = async (url: string) => {
      for (const [offset, text] of acknowledged)
        if (offset <= 100) assert.equal((await textsAt(url))[offset - 1], text);
    };
    for (let round = 1; round <= rounds; round++) {
      const both = [() => start(inNamespace), () => start(inNamespace)];
      const { attempt, url } = await startAll(both, random);
      for (const n of [1, 2]) {
        const text = `round ${round}, ${n}`;
        const offset = await sendTo(url, text);
        assert.ok(typeof offset === "number", `round ${round}: ${offset}`);
        assert.ok(!acknowledged.has(offset), `round ${round}: ${offset} is of ${acknowledged.get(offset)} already`);
        acknowledged.set(offset, text);
      }
      await attempt.program.stop();
    }
    const { url } = await startAll([() => start()], random);
    await check(url);
  });
}

/** The owner of a folder is stopped for `stoppedMs` while others start: they are refused, and it goes on where it was. */
export async function stopOwner(stoppedMs: number): Promise<void> {
  await withServers(async (_, start) => {
    const owner = start();
    const url = await owner.url;
    assert.ok(url !== undefined, "the first one serves");
    const offsets = [await sendTo(url, "before")];
    process.kill(owner.program.pid, "SIGSTOP");
    const until = performance.now() + stoppedMs;
    do {
      assert.match(await start().refusal(), /is in use by process/);
      await pause(Math.max(0, Math.min(5_000, until - performance.now())));
    } while (performance.now() < until);
    process.kill(owner.program.pid, "SIGCONT");
    offsets.push(await sendTo(url, "after"));
    assert.deepEqual(offsets, [1, 2]);
    assert.deepEqual(await textsAt(url), ["before", "after"]);
  });
}
