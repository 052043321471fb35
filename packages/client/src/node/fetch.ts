import http from "node:http";
import https from "node:https";
import { Readable } from "node:stream";
import type { Fetch } from "../streams/http-body.js";
import { checkedHeaders, type HeaderOptions } from "./headers.js";
import { explainedTlsError, secureOptions, type TlsOptions } from "./tls.js";

/**
 * `fetch` on `node:http`, with connections of its own.
 *
 * Node's global `fetch` ends a body that is silent for five minutes, as a quiet room's is, and keeps its connections
 * where nobody can close them.
 */
export function createNodeFetch(given: TlsOptions & HeaderOptions = {}): Fetch {
  const ownHeaders = checkedHeaders(given);
  const plainAgent = new http.Agent({ keepAlive: true });
  const tlsAgent = new https.Agent({ keepAlive: true, ...secureOptions(given) });
  const fetch: Fetch = (url, { method = "GET", headers = {}, body, signal }) =>
    new Promise((resolve, reject) => {
      const isTls = url.startsWith("https:");
      const options = { method, headers: { ...ownHeaders, ...headers }, signal, agent: isTls ? tlsAgent : plainAgent };
      const request = (isTls ? https : http).request(url, options, (response) => resolve(responseFrom(response)));
      request.on("error", (error) => reject(explainedTlsError(error)));
      request.end(body);
    });
  fetch.close = () => {
    plainAgent.destroy();
    tlsAgent.destroy();
  };
  return fetch;
}

function responseFrom(incoming: http.IncomingMessage): Response {
  const headers = new Headers();
  for (const [name, values] of Object.entries(incoming.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  // The types of node:stream/web and of the DOM describe the same class in two places.
  const body = Readable.toWeb(incoming) as unknown as ReadableStream<Uint8Array<ArrayBuffer>>;
  return new Response(body, { status: incoming.statusCode ?? 500, headers });
}
