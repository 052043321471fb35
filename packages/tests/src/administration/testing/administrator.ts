import assert from "node:assert/strict";
import type { Shown } from "../../auth/testing/ways.js";

export interface ListedConnection {
  readonly id: string;
  readonly node?: string;
  readonly user?: string;
  readonly verified?: boolean;
  readonly transport: string;
  readonly remoteAddress: string;
  readonly since: string;
  readonly readings?: readonly {
    readonly room: string;
    readonly user?: string;
    readonly position?: { readonly epoch: number };
    readonly lagging?: boolean;
    readonly presence?: boolean;
    readonly signals?: boolean;
  }[];
  readonly readingCount?: number;
  readonly queuedBytes?: number;
}

export interface ConnectionsPage {
  readonly connections: readonly ListedConnection[];
  readonly total: number;
  readonly nextPage?: string;
  readonly silentNodes?: readonly { readonly node: string }[];
}

/** How long what is asked for may take to come about, in milliseconds; generous for a busy machine. */
const patienceMs = 30_000;

/** An operator with plain HTTP. */
export class Administrator {
  constructor(
    readonly url: string,
    private readonly shown: Shown = {},
  ) {}

  async list(query: Readonly<Record<string, string>>): Promise<ConnectionsPage> {
    const path = `connections?${new URLSearchParams(query)}`;
    const answer = (await this.ask("GET", path)) as Partial<ConnectionsPage>;
    return { connections: [], total: 0, ...answer };
  }

  disconnect(what: object): Promise<unknown> {
    return this.ask("POST", "disconnections", what);
  }

  /** Resolves when a user has so many connections that have begun to read. */
  async untilReading(user: string, count: number): Promise<void> {
    const endMs = Date.now() + patienceMs;
    for (;;) {
      const { connections } = await this.list({ user, limit: "1000" });
      const reading = connections.filter(({ readingCount = 0 }) => readingCount > 0).length;
      if (reading === count && (count > 0 || connections.length === 0)) return;
      assert.ok(Date.now() < endMs, `${user} has ${reading} connections that read, and not ${count}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async ask(method: string, path: string, body?: object): Promise<unknown> {
    const response = await fetch(`${this.url}/v1/admin/${path}`, {
      method,
      headers: { ...(body && { "content-type": "application/json" }), ...this.shown },
      ...(body && { body: JSON.stringify(body) }),
    });
    const answer = (await response.json()) as { error?: { code: string; message: string } };
    if (answer.error) throw Object.assign(new Error(answer.error.message), { code: answer.error.code });
    return answer;
  }
}
