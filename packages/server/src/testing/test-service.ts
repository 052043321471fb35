import { type Limits, limitsWith, type NewMessage, PayloadTypes } from "@confab/contract";
import { Hub } from "../core/index.js";
import { ChatService, defaultPolicy, type RoomPolicy } from "../service/index.js";
import { MemoryEngine } from "./memory-engine.js";

/** When every message of a test service is sent: 2026-01-02T03:04:05.006Z. */
const testTimeMs = 1_767_323_045_006;

/** How long a token can be used at the most. */
export const longestTokenUseMs = 70_000;

export interface TestService {
  readonly service: ChatService;
  readonly hub: Hub;
  readonly engine: MemoryEngine;
  /** Send one message for each text to a room, as `ann`. */
  readonly say: (room: string, ...texts: readonly string[]) => Promise<void>;
}

/** The contract's operations on an engine without a disk, with a clock that stands still and ids that count; `policy`: of all rooms. */
export function testService(
  limits: Partial<Limits> = {},
  types: PayloadTypes = PayloadTypes.none(),
  policy: Partial<RoomPolicy> = {},
): TestService {
  const engine = new MemoryEngine();
  const allLimits = limitsWith(limits);
  let ids = 0;
  const hub = new Hub({
    engine,
    clock: { nowMs: () => testTimeMs, monotonicMs: () => 0 },
    turns: { afterTurn: (run) => setImmediate(run), afterMs: (ms, run) => void setTimeout(run, ms).unref() },
    ids: { messageId: () => `id-${++ids}` },
    limits: allLimits,
  });
  const rooms = { of: () => ({ ...defaultPolicy(allLimits), ...policy }) };
  const service = new ChatService({
    hub,
    engine,
    types,
    limits: allLimits,
    rooms,
    longestTokenUseMs: () => longestTokenUseMs,
  });
  const say = async (room: string, ...texts: readonly string[]) => {
    for (const text of texts) {
      const message: NewMessage = { user: "ann", text, room, id: "" };
      await hub.send(message);
    }
  };
  return { service, hub, engine, say };
}
