import type { ServerConfig } from "@confab/server";
import { UsageError } from "../command.js";
import { durationMs } from "../parse-args.js";

/** Who may connect. */
export const authOptions = {
  "auth-key": { type: "string", multiple: true },
  "auth-jwks": { type: "string" },
  "auth-issuer": { type: "string" },
  "auth-audience": { type: "string", multiple: true },
  "auth-clock-tolerance": { type: "string" },
  "auth-cookie": { type: "string" },
  "auth-token-in-url": { type: "boolean" },
  "allow-anyone": { type: "boolean" },
} as const;

export const authHelp = `      --auth-key FILE        ask callers for a token (a JWT) that this key verifies: a public key or
                             certificate in PEM (RS256, ES256, EdDSA), a JWK or a set of them in
                             JSON, or a secret of 32 bytes and more (HS256); may be repeated.
                             confab token makes keys and tokens for development
      --auth-jwks URL        ask for a token that a key of this JWKS verifies: https://, or http:// on
                             this machine. Its keys are fetched again as they change
      --auth-issuer ISS      what the iss of tokens must be; default any
      --auth-audience AUD    what the aud of tokens must name; may be repeated; default any
      --auth-clock-tolerance T  how far the clocks of issuer and server may differ; default 5s
      --auth-cookie NAME     the cookie that may hold the token, for EventSource; default
                             confab_token; "" for none
      --auth-token-in-url    take ?access_token= too: URLs stand in the logs of proxies
      --allow-anyone         admit callers without a token: from other machines, or beside those who
                             have one. They may read, send, signal, and list and create rooms`;

export interface AuthValues {
  readonly "auth-key"?: readonly string[] | undefined;
  readonly "auth-jwks"?: string | undefined;
  readonly "auth-issuer"?: string | undefined;
  readonly "auth-audience"?: readonly string[] | undefined;
  readonly "auth-clock-tolerance"?: string | undefined;
  readonly "auth-cookie"?: string | undefined;
  readonly "auth-token-in-url"?: boolean | undefined;
  readonly "allow-anyone"?: boolean | undefined;
}

/** @throws UsageError: an option without a key, or a wrong value. */
export function authFrom(values: AuthValues): Pick<ServerConfig, "auth" | "allowAnyone"> {
  const allowAnyone = values["allow-anyone"] ?? false;
  const { "auth-key": keyFiles = [], "auth-jwks": jwksUrl } = values;
  if (keyFiles.length === 0 && jwksUrl === undefined) {
    const lonely = Object.keys(authOptions).find(
      (name) => name !== "allow-anyone" && values[name as keyof AuthValues] !== undefined,
    );
    if (lonely !== undefined) throw new UsageError(`--${lonely} needs a key: --auth-key or --auth-jwks`);
    return { allowAnyone };
  }
  const { "auth-clock-tolerance": tolerance, "auth-cookie": cookie } = values;
  return {
    allowAnyone,
    auth: {
      keyFiles,
      ...(jwksUrl !== undefined && { jwksUrl }),
      ...(values["auth-issuer"] !== undefined && { issuer: values["auth-issuer"] }),
      ...(values["auth-audience"] && { audience: values["auth-audience"] }),
      ...(tolerance !== undefined && { clockToleranceMs: durationMs("auth-clock-tolerance", tolerance) }),
      ...(cookie !== undefined && { cookie }),
      isInUrlTaken: values["auth-token-in-url"] ?? false,
    },
  };
}
