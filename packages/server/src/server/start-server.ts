import type { WorkCounts } from "../work/index.js";
import type { ServerConfig } from "./config.js";
import { type OpenServer, type OwnPort, openServer } from "./open-server.js";

export interface RunningServer
  extends OwnPort,
    Pick<OpenServer, "certificate" | "adminTokenFile" | "reload" | "close"> {
  /** How the event loop was divided between the connections so far. */
  readonly work: WorkCounts;
}

/**
 * Start a server: open its log, then its port.
 *
 * @throws what `openServer` throws, or the system's error for the port (EADDRINUSE and so on).
 */
export async function startServer(config: ServerConfig): Promise<RunningServer> {
  const server = await openServer(config);
  const { url, port } = await server.listen().catch(async (failure: unknown) => {
    await server.close();
    throw failure;
  });
  const { adminTokenFile } = server;
  return {
    url,
    port,
    adminTokenFile,
    get work() {
      return server.work.counts;
    },
    get certificate() {
      return server.certificate;
    },
    reload: (config) => server.reload(config),
    close: () => server.close(),
  };
}
