import { createClient } from "@redis/client";
import { percentile } from "../statistics.js";
import type { AppendsResult } from "./appends.js";
import { chatText, deliveredProtobuf } from "./chat-text.js";
import { nowUs, sleep } from "./clock.js";

/** Bare `XADD` of ready bytes, pipelined by the same library that the server uses. */
export interface XaddLoad {
  readonly redisUrl: string;
  readonly inFlight: number;
  readonly rooms: number;
  readonly warmUpMs: number;
  readonly durationMs: number;
}

const sampledOneIn = 32;

/** Run that load. @throws Error: Redis cannot be reached, or refused a command. */
export async function measureXadd(load: XaddLoad): Promise<AppendsResult> {
  const client = createClient({ url: load.redisUrl });
  await client.connect();
  const body = Buffer.from(deliveredProtobuf(chatText(0, 0)));
  const keys = Array.from({ length: load.rooms }, (_, room) => `xadd:${room}`);
  const latenciesUs: number[] = [];
  let acknowledged = 0;
  let isOver = false;

  async function addInTurn(lane: number): Promise<void> {
    for (let count = lane; !isOver; count += 1) {
      const atUs = nowUs();
      await client.sendCommand(["XADD", keys[count % keys.length] ?? "", "*", "b", body]);
      acknowledged += 1;
      if (count % sampledOneIn === 0) latenciesUs.push(nowUs() - atUs);
    }
  }

  try {
    const lanes = Array.from({ length: load.inFlight }, (_, lane) => addInTurn(lane));
    await sleep(load.warmUpMs);
    const before = acknowledged;
    latenciesUs.length = 0;
    const startUs = nowUs();
    await sleep(load.durationMs);
    const result = { acknowledged: acknowledged - before, elapsedUs: nowUs() - startUs };
    isOver = true;
    await Promise.all(lanes);
    const sorted = Float64Array.from(latenciesUs).sort();
    return { ...result, stored: acknowledged, p50Us: percentile(sorted, 0.5), p99Us: percentile(sorted, 0.99) };
  } finally {
    client.destroy();
  }
}
