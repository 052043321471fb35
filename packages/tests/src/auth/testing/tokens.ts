import { createSecretKey, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SignJWT } from "jose";

/** A key in a file, and the tokens that it signs. */
export interface TestKey {
  readonly file: string;
  /** `claims` may leave one out by undefined. */
  token(claims?: Readonly<Record<string, unknown>>): Promise<string>;
  remove(): void;
}

export function newTestKey(): TestKey {
  const folder = mkdtempSync(join(tmpdir(), "confab-test-key-"));
  const file = join(folder, "secret");
  const secret = randomBytes(32).toString("hex");
  writeFileSync(file, `hs256:${secret}\n`);
  const key = createSecretKey(Buffer.from(secret));
  return {
    file,
    token: (claims = {}) =>
      new SignJWT({ sub: "ann", iat: inSeconds(0), exp: inSeconds(600), ...claims })
        .setProtectedHeader({ alg: "HS256" })
        .sign(key),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** A time of a claim: seconds since 1970. */
export function inSeconds(seconds: number): number {
  return Math.floor(Date.now() / 1_000) + seconds;
}
