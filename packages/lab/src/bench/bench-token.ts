import { createHmac, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** A key that a server verifies tokens with, and a token of the bench's user that it takes for an hour. */
export interface BenchToken {
  /** Options of `confab serve`: the key, and the limits of one user, which would otherwise end the measurement. */
  readonly serveArgs: readonly string[];
  readonly token: string;
}

/** Limits that are counted for every send and never reached. */
const limits = ["maxSendsPerSecondByUser", "maxSentBytesPerSecondByUser"];

/** @param folder where the key is written. */
export function newBenchToken(folder: string): BenchToken {
  const secret = randomBytes(32).toString("hex");
  const file = join(folder, "key");
  writeFileSync(file, `hs256:${secret}`);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const nowS = Math.floor(Date.now() / 1_000);
  const rules = [{ pattern: "*", can: ["send", "create"] }];
  const claims = { sub: "bench", iat: nowS, exp: nowS + 3_600, "confab.rooms": rules };
  const text = `${part({ alg: "HS256" })}.${part(claims)}`;
  const token = `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
  return { serveArgs: ["--auth-key", file, ...limits.flatMap((name) => ["--limit", `${name}=1000000000`])], token };
}
