import type { Engine } from "../core/index.js";
import type { StaticDocument } from "../http-reply/index.js";
import type { Readiness } from "../transports/rpc/services/health.js";
import type { ContractDocuments } from "./documents.js";

interface PlainAnswer {
  readonly status: number;
  readonly json: Uint8Array;
}

/** A plain answer that is made anew for each request, or one that never changes and may not be there yet. */
export type Page = () => PlainAnswer | Promise<StaticDocument>;

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

/** The contract in the languages of other tools, and for compilers of other languages. */
export function documentPages(documents: ContractDocuments): [string, Page][] {
  return [
    ["/openapi.json", async () => (await documents.get()).openApi],
    ["/asyncapi.json", async () => (await documents.get()).asyncApi],
    ["/confab.proto", async () => (await documents.get()).proto],
    ["/descriptor.binpb", async () => (await documents.get()).descriptors],
  ];
}

function page(status: number, body: object): PlainAnswer {
  return { status, json: Buffer.from(JSON.stringify(body)) };
}
