import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** A place that connections are given to. */
export interface Backend {
  /** Undefined while it cannot take any. */
  readonly port: number | undefined;
}

/** How long a backend may take to accept a connection, in milliseconds. */
const connectTimeoutMs = 2_000;

/**
 * A load balancer as plain as they come: each TCP connection goes to the backend that has the fewest, whoever it is from
 * and whatever it carries. It knows no HTTP and no client, so it shows that nothing of a conversation lives in a node.
 */
export class Balancer {
  private readonly server: Server;
  private readonly open = new Map<Backend, Set<Socket>>();

  constructor(private readonly backends: readonly Backend[]) {
    this.server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => this.accept(client));
    for (const backend of backends) this.open.set(backend, new Set());
  }

  /** Resolves with the port. @throws the system's error for the port (EADDRINUSE and so on). */
  async listen(port: number): Promise<number> {
    this.server.listen({ port, host: "127.0.0.1", backlog: 1024 });
    await once(this.server, "listening");
    const address = this.server.address();
    if (address === null || typeof address === "string") throw new Error("the balancer has no TCP address");
    return address.port;
  }

  /** Cut every connection and stop. */
  close(): void {
    this.server.close();
    for (const clients of this.open.values()) for (const client of clients) client.destroy();
  }

  private accept(client: Socket): void {
    // Until there is a backend, nobody else listens for the client's errors; `close` follows each of them.
    client.on("error", () => client.destroy());
    this.pass(client, new Set());
  }

  /** To the least busy backend that was not tried yet; a client that no backend takes is cut off. */
  private pass(client: Socket, tried: Set<Backend>): void {
    const backend = this.leastBusy(tried);
    if (backend?.port === undefined || client.destroyed) {
      client.destroy();
      return;
    }
    tried.add(backend);
    const clients = this.open.get(backend);
    clients?.add(client);
    const upstream = connect({ port: backend.port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
    upstream.setTimeout(connectTimeoutMs, () => upstream.destroy(new Error("no answer")));
    let isConnected = false;
    upstream.once("connect", () => {
      isConnected = true;
      upstream.setTimeout(0);
      client.pipe(upstream).pipe(client);
    });
    client.once("close", () => upstream.destroy());
    upstream.on("error", () => upstream.destroy());
    upstream.once("close", () => {
      clients?.delete(client);
      if (isConnected) client.destroy();
      else this.pass(client, tried);
    });
  }

  private leastBusy(tried: ReadonlySet<Backend>): Backend | undefined {
    const usable = this.backends.filter((backend) => backend.port !== undefined && !tried.has(backend));
    const connections = (backend: Backend) => this.open.get(backend)?.size ?? 0;
    return usable.reduce<Backend | undefined>(
      (best, backend) => (best === undefined || connections(backend) < connections(best) ? backend : best),
      undefined,
    );
  }
}
