import { ConfabError } from "@confab/contract";
import { isAmong, type KeyHint, type KeyRing, matching } from "./key-ring.js";
import { KeyError, keysFromJson, type VerificationKey } from "./keys.js";

export interface RemoteKeysOptions {
  /** Of a JWKS: https, or http on this machine. */
  readonly url: string;
  readonly nowMs: () => number;
  /** How long a fetch may take, in milliseconds; a caller whose key is not here waits for it. Default 5,000. */
  readonly timeoutMs?: number;
  /** Told when the keys cannot be fetched, and when they can be again. */
  readonly onTrouble: (reason: string | undefined) => void;
}

const defaultTimeoutMs = 5_000;

/** How old keys become before they are fetched again, in milliseconds. */
const maxAgeMs = 600_000;

/** The least time between two fetches, in milliseconds: tokens with unknown keys, which any client can send, cause no more. */
const minPauseMs = 10_000;

const maxBytes = 1_048_576;

/** What the keys of a JWKS can verify: a secret is not one where others can read it. `Ed25519` is a name of EdDSA (RFC 9864). */
const fetchedAlgorithms: ReadonlySet<string> = new Set(["RS256", "ES256", "EdDSA", "Ed25519"]);

/**
 * Keys behind a URL. They are fetched when the first token comes, again when a token names a key that is not among them, and
 * every ten minutes while tokens come. When that fails, the existing keys stay in use.
 */
export class RemoteKeys implements KeyRing {
  generation = 0;
  private keys: readonly VerificationKey[] | undefined;
  private fetchedAtMs = Number.NEGATIVE_INFINITY;
  private triedAtMs = Number.NEGATIVE_INFINITY;
  private failure: string | undefined;
  private fetching: Promise<void> | undefined;
  private readonly stop = new AbortController();

  constructor(private readonly options: RemoteKeysOptions) {}

  find(hint: KeyHint): readonly VerificationKey[] | Promise<readonly VerificationKey[]> {
    if (!fetchedAlgorithms.has(hint.algorithm)) return [];
    const nowMs = this.options.nowMs();
    const found = this.keys ? matching(this.keys, hint) : [];
    if (found.length > 0) {
      this.refreshIfOld();
      return found;
    }
    return this.refreshed(nowMs).then(() => {
      const now = this.keys ? matching(this.keys, hint) : [];
      // Keys from before the question may lack one that is new.
      if (now.length > 0 || this.fetchedAtMs >= nowMs) return now;
      throw new ConfabError("KEYS_UNAVAILABLE", "the keys that verify tokens cannot be fetched now", {
        retryAfterMs: Math.max(0, this.triedAtMs + minPauseMs - nowMs),
      });
    });
  }

  holds(key: VerificationKey): boolean {
    return isAmong(key, this.keys ?? []);
  }

  /** No caller waits for keys that are only getting old. */
  refreshIfOld(): void {
    const nowMs = this.options.nowMs();
    if (this.keys && nowMs - this.fetchedAtMs >= maxAgeMs) void this.refreshed(nowMs);
  }

  close(): void {
    this.stop.abort();
  }

  /** Never rejects. Several callers share one fetch. */
  private refreshed(nowMs: number): Promise<void> {
    if (this.fetching !== undefined) return this.fetching;
    if (nowMs - this.triedAtMs < minPauseMs || this.stop.signal.aborted) return Promise.resolve();
    this.triedAtMs = nowMs;
    this.fetching = this.refresh().finally(() => {
      this.fetching = undefined;
    });
    return this.fetching;
  }

  private async refresh(): Promise<void> {
    const { url, nowMs, timeoutMs = defaultTimeoutMs, onTrouble } = this.options;
    try {
      const signal = AbortSignal.any([this.stop.signal, AbortSignal.timeout(timeoutMs)]);
      const keys = keysFromJson(await fetchJson(url, signal), false);
      if (this.keys && !isSubset(this.keys, keys)) this.generation++;
      this.keys = keys;
      this.fetchedAtMs = nowMs();
      if (this.failure !== undefined) onTrouble(undefined);
      this.failure = undefined;
    } catch (error) {
      if (this.stop.signal.aborted) return;
      const reason = reasonOf(error);
      // Said once, not for each token.
      if (this.failure !== reason) onTrouble(reason);
      this.failure = reason;
    }
  }
}

function isSubset(before: readonly VerificationKey[], now: readonly VerificationKey[]): boolean {
  return before.every((old) => now.some(({ id, key }) => id === old.id && key.equals(old.key)));
}

async function fetchJson(url: string, signal: AbortSignal): Promise<object> {
  // A redirection could lead to any address, without TLS.
  const reply = await fetch(url, { signal, redirect: "error", headers: { accept: "application/json" } });
  if (!reply.ok) {
    await reply.body?.cancel();
    throw new KeyError(`the answer has the status ${reply.status}`);
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of reply.body ?? []) {
    length += chunk.length;
    if (length > maxBytes) throw new KeyError(`the answer is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  const json: unknown = JSON.parse(Buffer.concat(chunks).toString());
  if (typeof json !== "object" || json === null) throw new KeyError("the answer is not a JWKS");
  return json;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return "there was no answer in time";
  if (error instanceof SyntaxError) return "the answer is not JSON";
  // What `fetch` rejects with says only that it failed; its cause says why.
  return error.cause instanceof Error ? error.cause.message : error.message;
}
