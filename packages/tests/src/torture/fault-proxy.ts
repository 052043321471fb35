import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { Random } from "@confab/contract/testing/random";
import { type Fate, harmless } from "./fate.js";
import { ProxiedConnection } from "./proxied-connection.js";

export interface FaultProxy {
  /** Where clients connect; the same for the proxy's whole life, whatever happens behind it. */
  readonly url: string;
  /** How often each fault was met, and how many connections there were. */
  readonly counts: Readonly<Record<string, number>>;
  /** Where the servers listen now: a connection goes to any of them. None: who connects is reset. */
  aim(serverPorts: readonly number[]): void;
  /** Reset every connection at once. */
  storm(): void;
  /** No more faults. */
  calm(): void;
  close(): Promise<void>;
}

export interface FaultProxyOptions {
  readonly random: Random;
  readonly drawFate: (random: Random) => Fate;
}

/** A TCP proxy to servers on this machine that does to its connections what networks do. */
export async function startFaultProxy({ random, drawFate }: FaultProxyOptions): Promise<FaultProxy> {
  const counts: Record<string, number> = {};
  const count = (what: string) => {
    counts[what] = (counts[what] ?? 0) + 1;
  };
  const connections = new Set<ProxiedConnection>();
  const all = new Set<Socket>();
  let targets: readonly number[] = [];
  let isCalm = false;

  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const fate = isCalm ? harmless : drawFate(random);
    const [first, ...others] = targets;
    if (first === undefined) {
      count("refused");
      client.on("error", () => undefined).resetAndDestroy();
      return;
    }
    count("connections");
    const server = connect({
      port: random.pick([first, ...others]),
      host: "127.0.0.1",
      allowHalfOpen: true,
      noDelay: true,
    });
    for (const socket of [client, server]) {
      all.add(socket);
      socket.on("close", () => all.delete(socket));
    }
    const connection: ProxiedConnection = new ProxiedConnection(client, server, fate, {
      random,
      met: count,
      closed: () => connections.delete(connection),
    });
    connections.add(connection);
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");

  return {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    counts,
    aim: (serverPorts) => {
      targets = serverPorts;
    },
    storm: () => {
      for (const connection of [...connections]) connection.cut();
    },
    calm: () => {
      isCalm = true;
      for (const connection of [...connections]) connection.calm();
    },
    close: async () => {
      const closed = once(listener, "close");
      listener.close();
      for (const connection of [...connections]) connection.cut();
      for (const socket of [...all]) socket.destroy();
      await closed;
    },
  };
}
