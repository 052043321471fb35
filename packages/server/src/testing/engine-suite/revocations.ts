import assert from "node:assert/strict";
import type { Engine, Revocation } from "../../core/index.js";
import type { Bench, Define } from "./setup.js";

/** How long one node may take to know what another one has revoked, in milliseconds; generous for a busy machine. */
const patienceMs = 30_000;

function ofToken(tokenId: string, { clock }: Bench): Revocation {
  return { tokenId, user: "", issuedBeforeMs: 0, untilMs: clock.nowMs() + 60_000 };
}

function ofUser(user: string, issuedBeforeMs: number, { clock }: Bench): Revocation {
  return { tokenId: "", user, issuedBeforeMs, untilMs: clock.nowMs() + 60_000 };
}

function known({ revocations }: Engine): string[] {
  return revocations
    .all()
    .map(({ tokenId, user, issuedBeforeMs }) => `${tokenId}|${user}|${issuedBeforeMs}`)
    .sort();
}

async function until(isSo: () => boolean): Promise<void> {
  const endMs = Date.now() + patienceMs;
  while (!isSo()) {
    assert.ok(Date.now() < endMs, "it did not come about");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export function revocationsSuite(define: Define): void {
  define("what is revoked holds once that is acknowledged, and the listener is called", async (bench) => {
    const { engine } = bench;
    let changes = 0;
    await engine.revocations.watch(() => changes++);
    assert.deepEqual(known(engine), []);
    await engine.revocations.add(ofToken("t1", bench));
    await engine.revocations.add(ofUser("ann", 5_000, bench));
    assert.deepEqual(known(engine), ["t1||0", "|ann|5000"].sort());
    assert.equal(changes, 2);
    assert.ok(engine.revocations.staleMs() < 60_000);
  });

  define("two revocations of one user are one, as of the later time", async (bench) => {
    const { revocations } = bench.engine;
    await revocations.watch(() => undefined);
    for (const beforeMs of [5_000, 9_000, 7_000]) await revocations.add(ofUser("ann", beforeMs, bench));
    await revocations.add(ofUser("", 1_000, bench));
    assert.deepEqual(known(bench.engine), ["|ann|9000", "||1000"].sort());
  });

  define(
    "revocations are there after a reopening, and those that are over are forgotten",
    async (bench) => {
      const { engine } = bench;
      await engine.revocations.add(ofToken("old", bench));
      bench.clock.advance(59_000);
      await engine.revocations.add(ofToken("new", bench));
      await bench.reopen();
      await bench.engine.revocations.watch(() => undefined);
      assert.deepEqual(known(bench.engine), ["new||0", "old||0"]);
      bench.clock.advance(2_000);
      await bench.engine.revocations.add(ofToken("next", bench));
      assert.deepEqual(known(bench.engine), ["new||0", "next||0"]);
      await bench.reopen();
      await bench.engine.revocations.watch(() => undefined);
      assert.deepEqual(known(bench.engine), ["new||0", "next||0"]);
    },
    { needs: "survives a reopening" },
  );

  define("revocations do not stand in the way of messages, and come with them", async (bench) => {
    const { revocations } = bench.engine;
    const many = Array.from({ length: 50 }, (_, index) => index);
    await Promise.all(
      many.flatMap((index) => [bench.append(`text ${index}`), revocations.add(ofToken(`t${index}`, bench))]),
    );
    assert.equal(revocations.all().length, 50);
    assert.equal((await bench.offsets()).length, 50);
  });

  define(
    "what one node revokes is known to every other node",
    async (bench) => {
      const other = await bench.anotherNode();
      let changes = 0;
      await other.revocations.watch(() => changes++);
      await bench.engine.revocations.watch(() => undefined);
      await bench.engine.revocations.add(ofToken("t1", bench));
      await until(() => changes === 1);
      assert.deepEqual(known(other), ["t1||0"]);
      await other.revocations.add(ofUser("ann", 1, bench));
      await until(() => known(bench.engine).length === 2);
      const late = await bench.anotherNode();
      await late.revocations.watch(() => undefined);
      assert.deepEqual(known(late), known(bench.engine));
    },
    { needs: "has nodes" },
  );
}
