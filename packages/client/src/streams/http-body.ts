import { type CallBounds, cancelled } from "../call-signal.js";
import { authorization, type Credentials } from "../credentials.js";
import { networkFailure, networkFailureText } from "../network-failure.js";

export interface FetchInit {
  readonly method?: "GET" | "POST";
  readonly headers?: Record<string, string>;
  readonly body?: Uint8Array<ArrayBuffer>;
  /** Ends the request, or the response's body. */
  readonly signal: AbortSignal;
}

/** The part of `fetch` that links use. Rejects when there is no response. */
export interface Fetch {
  (url: string, init: FetchInit): Promise<Response>;
  /** Close idle connections, where the platform lets us. */
  close?(): void;
}

/** The platform's own. Not the function itself, which may only be called as the global object's. */
// Past the browser's cache: Firefox lets a second request for the same URL wait up to 20 s for the first one's body, so the
// second tab that reads a room by SSE would be late (EventSource does the same by the HTML standard, §9.2.2).
export const platformFetch: Fetch = (url, init) => globalThis.fetch(url, { ...init, cache: "no-store" });

/** A `fetch` that says with every request who asks. */
export function authorizedFetch(fetch: Fetch, credentials: Credentials): Fetch {
  const authorized: Fetch = (url, init) =>
    fetch(url, { ...init, headers: { ...init.headers, ...authorization(credentials) } });
  authorized.close = () => fetch.close?.();
  return authorized;
}

/** `fetch`, with its failures as errors of the catalogue. `signal` bounds the response's body too. */
export async function fetchResponse(fetch: Fetch, url: string, init: FetchInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (cause) {
    if (init.signal.aborted) throw cancelled(init.signal);
    throw networkFailure(
      "ENGINE_UNAVAILABLE",
      `cannot reach ${new URL(url).origin}: ${networkFailureText(cause)}`,
      cause,
    );
  }
}

/** A whole call: request, response and the body's bytes. */
export async function fetchBytes(
  fetch: Fetch,
  url: string,
  init: Omit<FetchInit, "signal">,
  bounds: CallBounds,
): Promise<{ readonly response: Response; readonly body: Uint8Array<ArrayBuffer> }> {
  try {
    const response = await fetchResponse(fetch, url, { ...init, signal: bounds.signal });
    const body = new Uint8Array(await response.arrayBuffer().catch(lost));
    return { response, body };
  } catch (error) {
    throw bounds.signal.aborted ? bounds.reason() : error;
  }
}

/** The body of a refusal, as text. */
export function bodyText(response: Response): Promise<string> {
  return response.text().catch(lost);
}

/** The chunks of a response's body, as fast as they are taken. Leaving the loop cancels the rest. */
export async function* bodyChunks(response: Response): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const reader = response.body?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(lost);
      if (done) return;
      yield value;
    }
  } finally {
    // Without effect on a body that has ended; its failure has been told already.
    reader.cancel().catch(() => undefined);
  }
}

function lost(cause: unknown): never {
  throw networkFailure("ENGINE_UNAVAILABLE", `the connection was lost: ${networkFailureText(cause)}`, cause);
}
