import assert from "node:assert/strict";
import { type Engine, type Revocation, revocationKey } from "../../core/index.js";
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

  define(
    "revocations of one user at the same time are one, as of the latest time, also after a reopening",
    async (bench) => {
      const { revocations } = bench.engine;
      await revocations.watch(() => undefined);
      await Promise.all([9_000, 5_000, 7_000].map((beforeMs) => revocations.add(ofUser("ann", beforeMs, bench))));
      assert.deepEqual(known(bench.engine), ["|ann|9000"]);
      await bench.reopen();
      await bench.engine.revocations.watch(() => undefined);
      assert.deepEqual(known(bench.engine), ["|ann|9000"]);
    },
    { needs: "survives a reopening" },
  );

  define(
    "one that is over and is revoked again beside another one is kept",
    async (bench) => {
      const { revocations } = bench.engine;
      await revocations.watch(() => undefined);
      await revocations.add(ofToken("t1", bench));
      bench.clock.advance(60_000);
      await Promise.all(["t2", "t1", "t3"].map((id) => revocations.add(ofToken(id, bench))));
      await bench.reopen();
      await bench.engine.revocations.watch(() => undefined);
      assert.deepEqual(known(bench.engine), ["t1||0", "t2||0", "t3||0"]);
    },
    { needs: "survives a reopening" },
  );

  define("those that are over do not count, and the listener is told that they are removed", async (bench) => {
    const { engine, clock } = bench;
    const { revocations } = engine;
    const removed: string[] = [];
    await revocations.watch((change) => void removed.push(...change.removed.map(({ tokenId }) => tokenId)));
    await revocations.add(ofToken("t1", bench));
    clock.advance(1_000);
    await revocations.add(ofToken("t2", bench));
    assert.equal(revocations.count(clock.nowMs()), 2);
    assert.ok(revocations.has(ofToken("t1", bench)));
    clock.advance(59_000);
    assert.equal(revocations.count(clock.nowMs()), 1);
    assert.deepEqual([known(engine), removed], [["t2||0"], ["t1"]]);
    assert.ok(!revocations.has(ofToken("t1", bench)));
  });

  define(
    "what was over before a reopening is not there after it, and what is revoked again is",
    async (bench) => {
      for (const id of ["t1", "t2"]) await bench.engine.revocations.add(ofToken(id, bench));
      bench.clock.advance(60_000);
      await bench.reopen();
      await bench.engine.revocations.watch(() => undefined);
      assert.deepEqual(known(bench.engine), []);
      await bench.engine.revocations.add(ofToken("t1", bench));
      await bench.reopen();
      await bench.engine.revocations.watch(() => undefined);
      assert.deepEqual(known(bench.engine), ["t1||0"]);
    },
    { needs: "survives a reopening" },
  );

  define("pages of revocations are in the order of their keys", async (bench) => {
    const { revocations } = bench.engine;
    for (const user of ["m", "c", "x"]) await revocations.add(ofUser(user, 1, bench));
    await revocations.add(ofToken("t", bench));
    const page = (after: string) => revocations.page(after, 2).map(revocationKey);
    assert.deepEqual([page(""), page("user m")], [["token t", "user c"], ["user x"]]);
  });

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
    "two nodes that revoke the same user at the same time keep the latest time, for nodes that start later too",
    async (bench) => {
      const other = await bench.anotherNode();
      for (const { revocations } of [bench.engine, other]) await revocations.watch(() => undefined);
      for (let round = 0; round < 20; round++) {
        const user = `user-${round}`;
        const orders = [
          [9_000, 5_000],
          [5_000, 9_000],
        ];
        const [mine = 0, others = 0] = orders[round % 2] ?? [];
        await Promise.all([
          bench.engine.revocations.add(ofUser(user, mine, bench)),
          other.revocations.add(ofUser(user, others, bench)),
        ]);
      }
      const late = await bench.anotherNode();
      await late.revocations.watch(() => undefined);
      assert.deepEqual(
        late.revocations.all().map(({ issuedBeforeMs }) => issuedBeforeMs),
        Array.from({ length: 20 }, () => 9_000),
      );
    },
    { needs: "has nodes" },
  );

  define(
    "a node that is asked nothing forgets what is over",
    async (bench) => {
      let removed = 0;
      await bench.engine.revocations.watch((change) => {
        removed += change.removed.length;
      });
      await bench.engine.revocations.add(ofToken("t1", bench));
      assert.deepEqual(known(bench.engine), ["t1||0"]);
      bench.clock.advance(60_000);
      await until(() => known(bench.engine).length === 0);
      assert.equal(removed, 1);
    },
    { needs: "forgets revocations by itself" },
  );

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
