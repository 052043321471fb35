import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface RelayOptions {
  /** Where it leads to, on this machine. */
  readonly port: number;
  /** How long bytes to the server, and from it, are held, in milliseconds; 0 is not at all. */
  readonly delayUpMs?: number;
  readonly delayDownMs?: number;
}

/** What a relay counted since it began. */
export interface RelayCounts {
  readonly upBytes: number;
  readonly downBytes: number;
  readonly connections: number;
}

export interface Relay {
  readonly port: number;
  counts(): RelayCounts;
  /** Hold back everything from the server on the first connection, as a lost packet does, until the answer is called. */
  stallFirst(): () => void;
  /** Break all connections off. */
  cut(): void;
  close(): Promise<void>;
}

/**
 * A TCP relay to a server on this machine. It counts what passes at the socket, whatever it is, and can slow it down: every
 * byte figure of a comparison is counted here and not by the clients.
 */
export async function startRelay({ port, delayUpMs = 0, delayDownMs = 0 }: RelayOptions): Promise<Relay> {
  const counts = { upBytes: 0, downBytes: 0, connections: 0 };
  const sockets = new Set<Socket>();
  const servers: Socket[] = [];
  const relay = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
    counts.connections += 1;
    const server = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
    servers.push(server);
    pass(client, server, delayUpMs, (bytes) => {
      counts.upBytes += bytes;
    });
    pass(server, client, delayDownMs, (bytes) => {
      counts.downBytes += bytes;
    });
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        sockets.delete(socket);
        // Only what broke is broken on: an end has been passed on already, after what came before it.
        if (socket.errored !== null || !other.writableEnded) other.destroy();
      });
    }
  });
  relay.listen(0, "127.0.0.1");
  await once(relay, "listening");
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (relay.address() as AddressInfo).port,
    counts: () => ({ ...counts }),
    stallFirst() {
      servers[0]?.pause();
      return () => void servers[0]?.resume();
    },
    cut,
    async close() {
      const closed = once(relay, "close");
      relay.close();
      cut();
      await closed;
    },
  };
}

function pass(from: Socket, to: Socket, delayMs: number, count: (bytes: number) => void): void {
  // Timers of one length fire in the order in which they were set, so bytes keep their order.
  const later = (then: () => void): void => void (delayMs === 0 ? then() : setTimeout(then, delayMs));
  from.on("data", (chunk: Buffer) => {
    count(chunk.length);
    later(() => {
      if (!to.destroyed && !to.writableEnded) to.write(chunk);
    });
  });
  from.on("end", () => later(() => to.end()));
}
