import type { PayloadTypes } from "@confab/contract";
import type { Engine } from "../core/index.js";
import { asyncApiDocument, openApiDocument } from "../documents/index.js";
import { type StaticJson, staticJson } from "../http-reply/index.js";
import type { Readiness } from "../transports/rpc/services/health.js";
import { serverVersion } from "./version.js";

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

/** The contract in the languages of other tools, made once. */
export function documentPages(isTls: boolean, types: PayloadTypes): [string, StaticJson][] {
  return [
    ["/openapi.json", staticJson(openApiDocument({ version: serverVersion, types }))],
    ["/asyncapi.json", staticJson(asyncApiDocument({ version: serverVersion, types, isTls }))],
  ];
}

function page(status: number, body: object): ReturnType<Page> {
  return { status, json: Buffer.from(JSON.stringify(body)) };
}
