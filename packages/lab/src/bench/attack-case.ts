import type { BenchCase, CaseRow } from "./bench-case.js";
import { type FanoutSize, figuresFrom } from "./fanout-case.js";
import type { Figures } from "./figures.js";
import type { AttackLoad, AttackName } from "./load/attack.js";
import type { FanoutLoad } from "./load/fanout.js";
import { runLoad } from "./load/run-load.js";
import type { Sandbox } from "./sandbox.js";
import { startTarget } from "./targets/start-target.js";

/** Until the others' connections are open; then the attack begins. */
const preparationMs = 3_000;
/** The others' first messages beside the attack count no more than those before it. */
const settleMs = 1_000;
/** A message that takes longer to arrive is reported as not delivered. */
const graceMs = 20_000;
const overheadMs = 40_000;
const fillTimeoutMs = 60_000;

const attacks: readonly (readonly [label: string, attack: AttackName])[] = [
  ["alone", "none"],
  ["beside pages of history", "history"],
  ["beside pages of rooms", "rooms"],
  ["beside 600 unread pages", "unread"],
];

/** A small fan-out over WebSockets while another client asks for everything that it can get on one HTTP/2 connection. */
export function attacking(size: Omit<FanoutSize, "warmUpMs">): BenchCase {
  return {
    id: "attack",
    scenario: "attack",
    title: `Attacks: ${size.subscribers} WebSockets × ${size.ratePerSecond} messages/s beside a client that asks for all it can get on one HTTP/2 connection`,
    rows: attacks.flatMap(([label, attack]) =>
      (["before", "confab"] as const).map(
        (target): CaseRow => ({
          label: target === "before" ? `Confab ${label}, before` : `Confab ${label}`,
          target,
          run: (sandbox) => runAttack(sandbox, target, attack, size),
        }),
      ),
    ),
  };
}

async function runAttack(
  sandbox: Sandbox,
  name: "before" | "confab",
  attack: AttackName,
  size: Omit<FanoutSize, "warmUpMs">,
): Promise<Figures> {
  const target = await startTarget(sandbox, name);
  try {
    const { port, pid: serverPid } = target;
    await runLoad(sandbox, "attacked", { port }, fillTimeoutMs);
    const startUnixMs = Date.now() + preparationMs;
    // The warm-up begins when all are connected: somewhat later than now.
    const warmUpMs = preparationMs + settleMs;
    const timeoutMs = warmUpMs + size.measureMs + graceMs + overheadMs;
    const others: FanoutLoad = { wire: "ws-plain", port, serverPid, graceMs, warmUpMs, ...size };
    const attackLoad: AttackLoad = { port, serverPid, attack, startUnixMs, toUnixMs: startUnixMs + timeoutMs };
    const measuring = runLoad(sandbox, "fanout", others, timeoutMs);
    const [fanout, result] = await Promise.all([
      measuring,
      runLoad(sandbox, "attack", attackLoad, timeoutMs, { enough: measuring }),
    ]);
    // The attacker is one of the other programs, and no noise.
    const { othersCoreShare: _attacker, ...figures } = figuresFrom(fanout);
    return {
      ...figures,
      rssPeakBytes: result.rssPeakBytes,
      ...(attack !== "none" && { requestsPerSecond: result.answers / (result.elapsedUs / 1_000_000) }),
    };
  } finally {
    await target.stop();
  }
}
