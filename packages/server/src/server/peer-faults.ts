import { AbuseLog } from "./abuse-log.js";
import type { Logger } from "./logger.js";
import { systemClock } from "./platform.js";

/** Tell the log why a connection ends. `reason` names the limit, or what is wrong. */
export type PeerFault = (remoteAddress: string, reason: string) => void;

/** What peers do wrong and can repeat: each kind has its line in the log, and a bound of lines. */
export function peerFaultsTo(logger: Logger) {
  const to = (message: string): PeerFault => {
    const log = new AbuseLog(logger, message, systemClock.monotonicMs);
    return (remoteAddress, reason) => log.report(remoteAddress, reason);
  };
  return {
    spentBudget: to("a connection ends because its client spent a budget"),
    tooManySockets: to("a connection of an address with too many is closed"),
    badCertificate: to("a client's certificate is refused"),
    badProxyHeader: to("a connection of a trusted proxy ends"),
  };
}
