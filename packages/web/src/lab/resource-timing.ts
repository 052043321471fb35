/** What the browser says of a request that was made by `fetch` (w3.org/TR/resource-timing). */
export interface ResourceFacts {
  /** `http/1.1`, `h2`, `h3`; empty if the browser keeps it to itself. */
  readonly protocol: string;
  /** The response's body as it came, compressed if it was. */
  readonly encodedBodyBytes: number;
  /** By the standard the encoded body and a flat 300 bytes: it says nothing of the headers that there were. */
  readonly transferBytes: number;
}

/** The browser files what it knows of a request some time after its end. */
const attempts = 10;
const attemptIntervalMs = 20;

/** What the browser knows of the newest request to `url`; `undefined` if it does not say. */
export async function resourceFacts(url: string): Promise<ResourceFacts | undefined> {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const entry = performance.getEntriesByName(new URL(url).href, "resource").at(-1);
    if (entry instanceof PerformanceResourceTiming) {
      const { nextHopProtocol, encodedBodySize, transferSize } = entry;
      return { protocol: nextHopProtocol, encodedBodyBytes: encodedBodySize, transferBytes: transferSize };
    }
    await new Promise((resolve) => setTimeout(resolve, attemptIntervalMs));
  }
  return undefined;
}
