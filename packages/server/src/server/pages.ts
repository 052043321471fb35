import type { Engine } from "../core/index.js";
import type { Readiness } from "../transports/rpc/services/health.js";

/** A plain answer that is made anew for each request. */
export type Page = () => { readonly status: number; readonly json: Uint8Array };

/** Whether the process lives, and whether it should be sent requests: what an orchestrator asks. */
export function operationPages(readiness: Readiness, engine: Engine): [string, Page][] {
  return [
    ["/healthz", () => page(200, { status: "ok" })],
    [
      "/readyz",
      () => {
        const trouble = readiness.isReady ? engine.trouble() : "the server is stopping";
        return trouble === undefined
          ? page(200, { status: "ready" })
          : page(503, { status: "not ready", reason: trouble });
      },
    ],
  ];
}

/** A document that never changes, made when it is first asked for. */
export function documentPage(make: () => object): Page {
  let made: ReturnType<Page> | undefined;
  return () => {
    made ??= page(200, make());
    return made;
  };
}

function page(status: number, body: object): ReturnType<Page> {
  return { status, json: Buffer.from(JSON.stringify(body)) };
}
