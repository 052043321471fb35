import assert from "node:assert/strict";
import type { Exchange } from "../../exchange.js";
import { ignoredBody } from "../../read-body.js";
import type { Http2Options } from "../options.js";
import { RawPeer } from "./raw-peer.js";
import { echo, openServer, type TestServer } from "./server.js";

interface Ending {
  after(fn: () => Promise<void>): void;
}

/** A server and a client that says whatever it is told to, for one test. No listener may throw. */
export async function openWithPeer(
  t: Ending,
  options: Partial<Http2Options> = {},
  handler: (one: Exchange) => void = echo,
) {
  /** Why the server ended connections for a spent budget. */
  const abuses: string[] = [];
  const server: TestServer = await openServer(handler, {
    onAbuse: (_address, reason) => abuses.push(reason),
    ...options,
  });
  const peer = await RawPeer.open(server.port);
  t.after(async () => {
    await peer.close();
    await server.close();
    assert.deepEqual(server.errors, []);
  });
  return { server, peer, abuses };
}

/** Answers with 200, or with the status of the refusal that comes with the request. */
export function answerHead(one: Exchange): void {
  one.listen(ignoredBody);
  one.respond(one.request.refusal?.kind.http ?? 200, {});
  one.end();
}
