import { once } from "node:events";
import type { Server } from "node:net";

/** Listen on a free port of the loopback and print the address that the bench waits for. */
export async function announce(server: Server): Promise<void> {
  server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 });
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no TCP address");
  announcePort(address.port);
}

/** Print the address of a server that listens already. */
export function announcePort(port: number): void {
  process.stdout.write(`listening on http://127.0.0.1:${port}\n`);
}
