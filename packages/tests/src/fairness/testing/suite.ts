import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { limits } from "@confab/contract";
// By path: users of the server have no need of the estimates.
import { cost } from "../../../../server/dist/work/costs.js";
import { type Attack, type AttackResult, connections } from "../attack.js";
import { AttackedServer, percentile } from "./system.js";

/** Of one connection in a turn while another one waits, and of all in a turn: `defaultWorkBounds` of the server. */
const unitsPerShare = 1_000;
const unitsPerTurn = 4_000;

/** The largest step besides reading a message: a piece of a page, in JSON. */
const largestStep = 1_000;

const kib = 1_024;

/**
 * Run attacks one after another, the one with the smallest steps first: the server counts the most of all of them. `asUsers`:
 * all callers have tokens, and the attacker may spend no more than a user's limits.
 */
export function fairnessSuite(name: string, attacks: readonly Attack[], { asUsers = false } = {}): void {
  describe(`others have their turns beside ${name}`, () => {
    let system: AttackedServer;
    before(async () => {
      system = await AttackedServer.start({ asUsers });
    });
    after(() => system.close());

    const ordered = [...attacks].sort((a, b) => stepOf(a) - stepOf(b));
    for (const attack of ordered) {
      it(`${attack.times} × ${attack.name}`, async (t) => {
        await system.quiet();
        await system.others();
        const before = system.server.work;
        const cpu = process.cpuUsage();
        const result = await system.attack(attack);
        const { user, system: kernel } = process.cpuUsage(cpu);
        const { work } = system.server;
        const units = work.units - before.units;
        const { messagesMs, requestsMs, refused } = await system.others();
        t.diagnostic(
          [
            `${JSON.stringify(result.answers)}, ${Math.round(result.replyBytes / kib)} KiB of replies`,
            `${Math.round(units)} units in ${Math.round((user + kernel) / 1_000)} ms of CPU`,
            `most ${Math.round(work.mostUnits)} a turn, ${Math.round(work.mostUnitsBesideWaiting)} beside others`,
            `others' p99 ${percentile(messagesMs, 0.99).toFixed(1)} ms, requests ${percentile(requestsMs, 0.99).toFixed(1)} ms`,
          ].join("; "),
        );
        assertAnswered(attack, result, asUsers);
        assert.equal(refused, 0, "the client that behaves pays for the attacker");
        // What a limit refuses costs little.
        const least = asUsers ? 0 : leastUnits(attack, result);
        assert.ok(
          units >= least,
          `${Math.round(units)} units were accounted for, and the replies alone are worth ${Math.round(least)}: the handler must call share.spend`,
        );
        const step = stepOf(attack);
        assert.ok(
          work.mostUnitsBesideWaiting <= unitsPerShare + step,
          `${work.mostUnitsBesideWaiting} units of one turn for one connection while another one waited`,
        );
        assert.ok(work.mostUnits <= unitsPerTurn + step, `${work.mostUnits} units in one turn`);
        const mostWaiting = connections * limits.maxReplyBytesPerConnection.fallback;
        assert.ok(work.mostReplyBytes <= mostWaiting, `${work.mostReplyBytes} bytes of pages waited for the clients`);
      });
    }
  });
}

function assertAnswered(
  { name, carrier, times, isUnanswered }: Attack,
  { answers }: AttackResult,
  isLimited: boolean,
): void {
  // Past the limits of a user: 429 for what is too much in a second, 503 for what is too much at once.
  const {
    200: ok = 0,
    message = 0,
    429: tooOften = 0,
    503: tooMany = 0,
    400: bad = 0,
    416: none = 0,
    ...others
  } = answers;
  const limited = tooOften + tooMany;
  // An erasure, a change or a mark names a message that is not there: it is looked for, and refused.
  const refused = /(Erase|Edit|Delete)Message|React|MarkRead|erasures|messages:(edit|delete|react)|marks/.test(name)
    ? 0
    : bad + none;
  const wrong = refused === 0 ? others : { ...others, refused };
  assert.deepEqual(wrong, {}, `${name}: not served, so that it does not cost what it should`);
  if (!isLimited) assert.equal(limited, 0, `${name}: refused, so that it does not cost what it should`);
  const answered = ok + message + bad + none + limited;
  // A limit that a plain WebSocket passes when it opens ends it.
  const mayEnd = isLimited && carrier === "ws-plain";
  const least = connections * (isUnanswered || mayEnd ? 1 : times);
  assert.ok(answered >= least, `${answered} answers to ${times} requests`);
}

/** Reading the largest message is one step. */
function stepOf({ bodies }: Attack): number {
  const bytes = Math.max(0, ...bodies.map((body) => body.length));
  return largestStep + (bytes * cost.parsedKib.json) / kib;
}

/** What the messages and bytes that came and went cost at least, whatever was done for them. */
function leastUnits({ times }: Attack, { requestBytes, replyBytes }: AttackResult): number {
  return connections * times * cost.message + (requestBytes * cost.parsedKib.proto + replyBytes * cost.copiedKib) / kib;
}
