import { createHmac } from "node:crypto";

/**
 * The header `confab-signature` of a request: `t=SECONDS,v1=HEX`. HEX is HMAC-SHA256, by the secret, over SECONDS, a dot and
 * the body. Who checks it takes a time that is at most five minutes away, and so no request that was recorded earlier.
 */
export function signatureOf(body: string, secret: string, nowMs: number): string {
  const seconds = Math.floor(nowMs / 1_000);
  const digest = createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex");
  return `t=${seconds},v1=${digest}`;
}
