import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { connect, type Link, openLink, type TransportName } from "@confab/client/node";
import { type RunningServer, type ServerConfig, startServer } from "@confab/server/testing/start-server";
import { startCutProxy } from "../fixture/cut-proxy.js";
import type { Activity } from "./activity.js";
import { administrationActivities } from "./administration.js";
import { clientActivities } from "./clients.js";
import { connectionActivities } from "./connections.js";
import { linkActivities } from "./links.js";
import { requestActivities } from "./requests.js";

/** Activities of one kind, on a dedicated server, in a dedicated process. */
export interface Group {
  readonly activities: readonly Activity[];
  readonly close: () => Promise<void>;
}

export interface GroupOptions {
  readonly dataDir: string;
  readonly tls: ServerConfig["tls"];
  /** Of the certificate. */
  readonly ca: string | undefined;
}

export const groups = {
  "links over WebSockets": (options) => links(options, ["websocket-plain", "websocket-json", "websocket-proto"]),
  "links over HTTP": (options) => links(options, ["connect", "grpc-web", "grpc", "sse"]),
  "links over TLS": (options) => links(options, ["websocket-proto", "connect", "grpc"]),
  connections: async (options) => {
    const server = await serverOf(options);
    return { activities: connectionActivities(server.url), close: () => server.close() };
  },
  administration: async (options) => {
    const server = await serverOf(options);
    const token = await readFile(join(options.dataDir, "admin-token"), "utf8");
    const [activities, close] = administrationActivities(server.url, token.trim());
    return {
      activities,
      close: async () => {
        close();
        await server.close();
      },
    };
  },
  requests: async (options) => {
    const server = await serverOf(options);
    const { activities, close } = requestActivities(server.url);
    return {
      activities,
      close: async () => {
        close();
        await server.close();
      },
    };
  },
  clients: async (options) => {
    const server = await serverOf(options);
    const made = await Promise.all(
      (["websocket-proto", "grpc", "connect", "sse"] as const).map(async (transport) => {
        const proxy = await startCutProxy(server.port);
        const reconnect = { firstDelayMs: 1, maxDelayMs: 10 };
        const client = connect({ url: proxy.url, user: "ann", transport, reconnect });
        return { proxy, client, activities: clientActivities(transport, proxy, client) };
      }),
    );
    return {
      activities: made.flatMap(({ activities }) => activities),
      close: async () => {
        for (const { client } of made) client.close();
        for (const { proxy } of made) await proxy.close();
        await server.close();
      },
    };
  },
} as const satisfies Record<string, (options: GroupOptions) => Promise<Group>>;

async function links(options: GroupOptions, transports: readonly TransportName[]): Promise<Group> {
  const server = await serverOf(options);
  const linkOptions = { url: server.url, ca: options.ca };
  const kept: Link[] = [];
  const activities = transports.flatMap((transport) => {
    const link = openLink(transport, linkOptions);
    kept.push(link);
    return linkActivities(transport, linkOptions, link);
  });
  return {
    activities,
    close: async () => {
      for (const link of kept) link.close();
      await server.close();
    },
  };
}

/** A server with one message in its lobby. */
async function serverOf({ dataDir, tls, ca }: GroupOptions): Promise<RunningServer> {
  const server = await startServer({
    port: 0,
    engine: { kind: "embedded", dataDir, durability: "os" },
    // A room that was left is remembered for 100 ms; users signal as fast as the machine can.
    limits: { emptyRoomMs: 100, maxSignalsPerSecond: 100_000 },
    ...(tls && { tls }),
  });
  const link = openLink("connect", { url: server.url, ca });
  await link.send({ user: "ann", text: "the first" });
  link.close();
  return server;
}
