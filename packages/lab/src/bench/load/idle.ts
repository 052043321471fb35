import { rssBytesOf } from "../process-stats.js";
import { sleep } from "./clock.js";
import { Crowd } from "./crowd.js";
import { prime } from "./fanout.js";
import { Publisher } from "./publisher.js";
import { createWire } from "./wires/create-wire.js";
import type { WireName } from "./wires/wire.js";

/** Many subscribers of one server to whom nothing is sent. */
export interface IdleLoad {
  readonly wire: WireName;
  readonly port: number;
  readonly serverPid: number;
  readonly connections: number;
}

export interface IdleResult {
  /** How much the server's RSS grew per connection, before any message. */
  readonly rssPerConnectionBytes: number;
  /** The same after everybody got a few messages and then nothing: sockets that were written to hold more. */
  readonly rssPerUsedConnectionBytes: number;
  /** The server's RSS before the first of the counted connections. */
  readonly rssBeforeBytes: number;
}

/** These come before the counting starts, so that what a server loads and compiles for its first ones is not counted. */
const uncountedConnections = 100;
/** How long after the last connection the server may tidy up. */
const settleMs = 2_000;

/**
 * Open the connections, read the server's memory, and then prove by a message to everybody that each of them was a live
 * subscription. @throws Error: a connection was refused or lost, or was not reached.
 */
export async function measureIdle(load: IdleLoad): Promise<IdleResult> {
  const wire = createWire(load.wire);
  const subscribers = uncountedConnections + load.connections;
  const crowd = new Crowd({ wire, port: load.port, subscribers, sampled: 0, onMark: () => undefined });
  const publisher = new Publisher(wire);
  try {
    await publisher.open(load.port);
    await crowd.openUpTo(uncountedConnections);
    await sleep(settleMs / 2);
    const rssBeforeBytes = rssBytesOf(load.serverPid);
    await crowd.openUpTo(subscribers);
    await sleep(settleMs);
    const rssAfterBytes = rssBytesOf(load.serverPid);
    await prime(crowd, publisher);
    await sleep(settleMs);
    const rssUsedBytes = rssBytesOf(load.serverPid);
    return {
      rssBeforeBytes,
      rssPerConnectionBytes: (rssAfterBytes - rssBeforeBytes) / load.connections,
      rssPerUsedConnectionBytes: (rssUsedBytes - rssBeforeBytes) / load.connections,
    };
  } finally {
    crowd.close();
    publisher.close();
  }
}
