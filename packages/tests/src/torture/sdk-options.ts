import type { ConnectOptions, TransportName } from "@confab/client/node";
import type { Random } from "@confab/contract/testing/random";

/** How the SDK is used here: as users do, but with waits that fit into a run of seconds. */
export function sdkOptions(url: string, transport: TransportName, random: Random): ConnectOptions {
  return {
    url,
    transport,
    reconnect: { firstDelayMs: 100, maxDelayMs: 1_000 },
    attemptTimeoutMs: 3_000,
    idleCheckMs: 1_500,
    random: () => random.next(),
  };
}
