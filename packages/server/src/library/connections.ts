import { create } from "@bufbuild/protobuf";
import { ConfabError, formatPosition } from "@confab/contract";
import {
  DisconnectRequestSchema,
  ListConnectionsRequestSchema,
} from "@confab/contract/gen/confab/v1/admin_connections_pb";
import type { Caller, ListedConnection, Operations } from "../service/index.js";
import { cost } from "../work/index.js";

/** Which connections to list; nothing: all of them. */
export interface ConnectionsRange {
  /** Only those of this verified user, and those that read a room under this name. */
  readonly user?: string;
  /** Only those that read this room. */
  readonly room?: string;
  /** At most 1000; 100 if undefined. */
  readonly limit?: number;
  /** `nextPage` of the page before. */
  readonly page?: string;
}

/** A WebSocket, a Converse stream, a stream of one room, or a reader of this program. */
export interface LiveConnection {
  readonly id: string;
  /** Empty on a server without other nodes. */
  readonly node: string;
  /** Not proven without `verified`. */
  readonly user: string;
  readonly verified: boolean;
  readonly transport: string;
  readonly remoteAddress: string;
  readonly since: Date;
  /** At most 16 of `readingCount`. */
  readonly readings: readonly {
    readonly room: string;
    readonly user: string;
    readonly position: string;
    readonly presence: boolean;
    readonly signals: boolean;
    readonly lagging: boolean;
  }[];
  readonly readingCount: number;
  /** Bytes that wait for the client. */
  readonly queuedBytes: number;
}

export interface ConnectionsPage {
  readonly connections: readonly LiveConnection[];
  /** On all pages, on the nodes that answered. */
  readonly total: number;
  /** For `page` of the next call; empty: this was the last page. */
  readonly nextPage: string;
  /** Nodes that did not answer in time. */
  readonly silentNodes: readonly string[];
}

/** What to end: the connections of a user, or one. */
export interface Disconnection {
  readonly user?: string;
  readonly connection?: string;
  /** For the client, and for the audit log. */
  readonly reason?: string;
  /** The client is asked to connect again soon; otherwise it is told to stay away. */
  readonly mayReturn?: boolean;
}

export async function connectionsPage(
  { user = "", room = "", limit = 0, page = "" }: ConnectionsRange,
  operations: Operations,
  caller: Caller,
): Promise<ConnectionsPage> {
  // The contract's type cannot hold another number; its own bound comes later.
  if (!Number.isInteger(limit) || limit < 0 || limit >= 2 ** 32)
    throw new ConfabError("INVALID_MESSAGE", `limit is ${limit}; it must be a whole number, and not negative`);
  const connections: LiveConnection[] = [];
  const asked = create(ListConnectionsRequestSchema, { user, room, limit, page });
  const { nextPage, total, silent } = await operations.connections(asked, caller, {
    begin: async () => undefined,
    unitsPerItem: cost.listedConnection.proto,
    take: (found) => void connections.push(...found.map(connectionFrom)),
  });
  return { connections, total, nextPage, silentNodes: silent };
}

export function disconnected(what: Disconnection, operations: Operations, caller: Caller): Promise<number> {
  return operations.disconnect(create(DisconnectRequestSchema, what), caller);
}

function connectionFrom({ node, view }: ListedConnection): LiveConnection {
  const { id, user, isVerified, transport, remoteAddress, sinceMs, readingCount, queuedBytes } = view;
  return {
    ...{ id, node, user, verified: isVerified, transport, remoteAddress, since: new Date(sinceMs) },
    readings: view.readings.map(({ room, user, position, hasPresence, hasSignals, isLagging }) => ({
      ...{ room, user, position: formatPosition(position) },
      ...{ presence: hasPresence, signals: hasSignals, lagging: isLagging },
    })),
    ...{ readingCount, queuedBytes },
  };
}
