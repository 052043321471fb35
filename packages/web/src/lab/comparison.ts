import { ConfabError, type Link, type Platform } from "@confab/client";
import { clockStepMs, type LabClock } from "./clock.js";
import type { LabEvent } from "./events.js";
import { countMessageBytes } from "./message-bytes.js";
import { createMessageIds, randomHex } from "./message-ids.js";
import type { ResourceFacts } from "./resource-timing.js";
import { type LabSettings, messagesPerRound } from "./settings.js";
import { type LabTransportName, labTransports } from "./transports.js";
import { turnOrder } from "./turn-order.js";
import { measureVisit } from "./visit.js";

export interface ComparisonDeps {
  readonly clock: LabClock;
  /** `platform`: of the browser, if undefined. */
  openLink(transport: LabTransportName, platform?: Platform): Link;
  resourceFacts(url: string): Promise<ResourceFacts | undefined>;
  emit(event: LabEvent): void;
}

/** Who sends all messages of the lab. */
const labUser = "lab";

/**
 * Compare all transports, one at a time: first the bytes of a message, which also lets all code run once, then rounds in
 * which each has a turn. A transport that fails takes no part any more. Resolves after the last turn; never rejects.
 */
export async function runComparison(settings: LabSettings, deps: ComparisonDeps): Promise<void> {
  const { clock, emit } = deps;
  // Nobody else reads here, and the server clears rooms by its retention.
  const room = `lab-${randomHex(8)}`;
  const nextId = createMessageIds();
  const message = { room, user: labUser, text: settings.text };
  const isOut = new Set<LabTransportName>();
  const inTurn = async (transport: LabTransportName, round: number, work: () => Promise<LabEvent>) => {
    if (isOut.has(transport)) return;
    emit({ kind: "turn", transport, round });
    try {
      emit(await work());
    } catch (error) {
      isOut.add(transport);
      emit({ kind: "failed", transport, reason: reasonOf(error) });
    }
  };

  const turns = labTransports.length * (settings.rounds + 1);
  emit({ kind: "began", room, clockStepMs: clockStepMs(clock.nowMs), turns });
  const names = labTransports.map(({ name }) => name);
  for (const transport of names) {
    await inTurn(transport, 0, async () => {
      const openLink = (platform: Platform) => deps.openLink(transport, platform);
      const { bytes, postUrl } = await countMessageBytes(message, { openLink, nextId });
      const resource = postUrl === undefined ? undefined : await deps.resourceFacts(postUrl);
      return { kind: "counted", transport, bytes, resource };
    });
  }
  const plan = { ...message, messages: messagesPerRound(settings), intervalMs: 1_000 / settings.ratePerSecond };
  for (let round = 1; round <= settings.rounds; round += 1) {
    for (const transport of turnOrder(names, round - 1)) {
      const onEcho = (index: number, latencyMs: number) => emit({ kind: "echo", transport, round, index, latencyMs });
      await inTurn(transport, round, async () => {
        const visit = await measureVisit(deps.openLink(transport), plan, { clock, nextId, onEcho });
        return { kind: "visited", transport, round, visit };
      });
    }
  }
  emit({ kind: "ended" });
}

function reasonOf(error: unknown): string {
  if (error instanceof ConfabError) return `${error.message} (${error.code})`;
  return error instanceof Error ? error.message : String(error);
}
