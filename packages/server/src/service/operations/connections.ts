import { invalidMessage } from "@confab/contract/errors";
import {
  type DisconnectRequest,
  DisconnectRequestSchema,
  type ListConnectionsRequest,
  ListConnectionsRequestSchema,
} from "@confab/contract/gen/confab/v1/admin_connections_pb";
import { refuseViolations, violationsOf } from "@confab/contract/validation";
import { defaultPageLimit, type ListingForm, stepLimit } from "./listing.js";
import type { LiveFilter, LiveTarget, LiveView } from "./live-entries.js";
import type { Operation } from "./operation.js";

/** Up to where a page came: a connection on a node. */
interface Place {
  readonly node: string;
  readonly number: number;
}

interface ConnectionsAsked extends LiveFilter {
  readonly limit: number;
  readonly after: Place;
}

/** A connection, and the node that it is on. */
export interface ListedConnection {
  readonly node: string;
  readonly view: LiveView;
}

export interface ConnectionsEnd {
  readonly nextPage: string;
  /** On all pages, on the nodes that answered. */
  readonly total: number;
  readonly silent: readonly string[];
}

interface Disconnection {
  readonly target: LiveTarget;
  readonly reason: string;
  readonly mayReturn: boolean;
}

/** Connections that are asked for and encoded in one step of work: one may have many readings. */

const beginning: Place = { node: "", number: 0 };

/** List the connections of all nodes, by node and in the order in which they began. @throws ENGINE_UNAVAILABLE, OVERLOADED */
export const connections: Operation<
  ListConnectionsRequest,
  ConnectionsAsked,
  Promise<ConnectionsEnd>,
  [form: ListingForm<ListedConnection>]
> = {
  action: "admin",
  check: (asked) => {
    refuseViolations(violationsOf(ListConnectionsRequestSchema, asked));
    const { user, room, limit, page } = asked;
    return { user, room, limit: limit || defaultPageLimit, after: placeFrom(page) };
  },
  scopeOf: () => "all rooms",
  auditFacts: ({ user, room }) => ({
    operation: "list connections",
    ...(user !== "" && { listedUser: user }),
    ...(room !== "" && { listedRoom: room }),
  }),
  run: async ({ user, room, limit, after }, caller, { connections: all, rates }, { begin, unitsPerItem, take }) => {
    const filter = { user, room };
    const share = rates?.reading(caller) ?? caller.share;
    await begin();
    const { nodes, silent } = (await all?.count(filter)) ?? { nodes: [], silent: [] };
    const allSilent = new Set(silent);
    const total = nodes.reduce((sum, { count }) => sum + count, 0);
    const end = (nextPage: string): ConnectionsEnd => ({ nextPage, total, silent: [...allSilent].sort() });
    let last = after;
    let missing = limit;
    for (const { node, count } of nodes) {
      if (count === 0 || node < after.node) continue;
      if (missing === 0) return end(textOf(last));
      for (let from = node === after.node ? after.number : 0, hasMore = true; hasMore; ) {
        if (missing === 0) return end(textOf(last));
        const wanted = Math.min(stepLimit(unitsPerItem), missing);
        await share.begin(wanted * unitsPerItem);
        const answer = await all?.list(node, filter, from, wanted);
        if (!answer) {
          allSilent.add(node);
          break;
        }
        if (answer.found.length > 0) take(answer.found.map((view) => ({ node, view })));
        missing -= answer.found.length;
        from = answer.found.at(-1)?.number ?? from;
        last = { node, number: from };
        hasMore = answer.hasMore && answer.found.length > 0;
      }
    }
    return end("");
  },
};

/**
 * End connections, on all nodes. Resolves with how many there were.
 *
 * @throws OUTCOME_UNKNOWN: some nodes did not answer, the others have done it. ENGINE_UNAVAILABLE, OVERLOADED: none has.
 */
export const disconnect: Operation<DisconnectRequest, Disconnection, Promise<number>> = {
  action: "admin",
  check: (asked) => {
    refuseViolations(violationsOf(DisconnectRequestSchema, asked));
    const { user, connection, reason, mayReturn } = asked;
    return { target: user === "" ? { connection } : { user }, reason, mayReturn };
  },
  scopeOf: () => "all rooms",
  auditFacts: ({ target, reason, mayReturn }) => ({
    operation: "disconnect",
    ...("user" in target ? { disconnectedUser: target.user } : { disconnectedConnection: target.connection }),
    // A refusal has a `reason` itself.
    ...(reason !== "" && { toldReason: reason }),
    mayReturn,
  }),
  run: async ({ target, reason, mayReturn }, _caller, { connections: all }) =>
    (await all?.end(target, reason, mayReturn)) ?? 0,
};

function textOf({ node, number }: Place): string {
  return `${node}/${number}`;
}

function placeFrom(page: string): Place {
  if (page === "") return beginning;
  const [, node = "", number = ""] = /^([^/]*)\/(\d{1,15})$/.exec(page) ?? [];
  if (number === "")
    throw invalidMessage([{ field: "page", rule: "page", message: "must be `next_page` of an earlier page" }]);
  return { node, number: Number(number) };
}
