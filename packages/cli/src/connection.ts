import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { type Link, openLink, serverUrl, type TransportName, transportNames } from "@confab/client/node";
import { PayloadTypes } from "@confab/contract";
import { type CommandContext, UsageError } from "./command.js";
import { wholeNumber } from "./parse-args.js";
import { TypeFileError } from "./types/type-file-error.js";

/** The options of every command that talks to a server. */
export const connectionOptions = {
  url: { type: "string" },
  ca: { type: "string" },
  token: { type: "string" },
  transport: { type: "string", short: "t" },
  timeout: { type: "string" },
  types: { type: "string", multiple: true },
  help: { type: "boolean", short: "h" },
} as const;

export const connectionHelp = `      --url URL        the server; default $CONFAB_URL or http://127.0.0.1:8080
      --ca FILE        whom to trust to vouch for an https:// server: certificates in PEM; default
                       those that Node trusts, and $NODE_EXTRA_CA_CERTS
      --token FILE     a file with the token to show; default $CONFAB_TOKEN, which is the token itself
  -t, --transport T    ${transportNames.slice(0, 4).join(", ")},
                       ${transportNames.slice(4).join(", ")}; default websocket-proto
      --timeout S      seconds that one answer may take; default 30
      --types FILE     payload types: .proto files or descriptor sets; may be repeated
  -h, --help           this text`;

export interface ConnectionValues {
  readonly url?: string | undefined;
  readonly ca?: string | undefined;
  readonly token?: string | undefined;
  readonly transport?: string | undefined;
  readonly timeout?: string | undefined;
  readonly types?: readonly string[] | undefined;
}

/** What a command needs to talk to its server. */
export interface ServerConnection {
  readonly link: Link;
  readonly types: PayloadTypes;
  /** A token that names its user was given. */
  readonly tokenHasUser: boolean;
  /** For each call. */
  readonly call: { readonly signal: AbortSignal; readonly timeoutMs: number };
}

/** Nothing is sent yet. @throws UsageError: an option is wrong. */
export async function openConnection(
  values: ConnectionValues,
  { env, signal }: CommandContext,
): Promise<ServerConnection> {
  const types = await payloadTypes(values);
  const { timeoutMs, ...target } = targetFrom(values, env);
  const link = openLink(transportNamed(values.transport ?? "websocket-proto"), { ...target, types });
  return { link, types, tokenHasUser: target.token !== undefined && isJwt(target.token), call: { signal, timeoutMs } };
}

/** Three parts: the token in a data folder's `admin-token` has one part, and no user. */
function isJwt(token: string): boolean {
  return token.split(".").length === 3;
}

/** Which server is asked, and by which token. @throws UsageError: an option is wrong. */
export function targetFrom(values: ConnectionValues, env: CommandContext["env"]) {
  return {
    url: urlFrom(values.url, env),
    ca: values.ca === undefined ? undefined : authoritiesIn(values.ca),
    token: tokenFrom(values.token, env),
    timeoutMs: wholeNumber("timeout", values.timeout ?? "30", 1, 3_600) * 1_000,
  };
}

function transportNamed(name: string): TransportName {
  const transport = transportNames.find((each) => each === name);
  if (transport === undefined)
    throw new UsageError(`--transport must be one of ${transportNames.join(", ")}, got ${JSON.stringify(name)}`);
  return transport;
}

function urlFrom(option: string | undefined, env: CommandContext["env"]): string {
  const source = option === undefined && env["CONFAB_URL"] ? "CONFAB_URL" : "--url";
  const text = option ?? (env["CONFAB_URL"] || "http://127.0.0.1:8080");
  try {
    // A bare `host:port` can only mean this.
    return serverUrl(text.includes("://") ? text : `http://${text}`);
  } catch (cause) {
    throw new UsageError(`${source} ${text}: must be an address such as http://127.0.0.1:8080`, { cause });
  }
}

/** Other users of the machine can read a command line, so a token is not given there. */
function tokenFrom(file: string | undefined, env: CommandContext["env"]): string | undefined {
  if (file === undefined) return env["CONFAB_TOKEN"] || undefined;
  try {
    return readFileSync(file, "utf8").trim();
  } catch (cause) {
    throw new UsageError(`--token ${file}: ${cause instanceof Error ? cause.message : "cannot be read"}`, { cause });
  }
}

/** Checked here: `node:tls` takes a file without a certificate, and then trusts nobody. */
function authoritiesIn(file: string): string {
  try {
    const pem = readFileSync(file, "utf8");
    if (!pem.includes("-----BEGIN CERTIFICATE-----")) throw new Error("holds no certificate in PEM");
    createSecureContext({ ca: pem });
    return pem;
  } catch (cause) {
    throw new UsageError(`--ca ${file}: ${cause instanceof Error ? cause.message : "cannot be read"}`, { cause });
  }
}

/** The server is the one that checks payloads. @throws UsageError: a file cannot be read. */
export async function payloadTypes({ types: files }: ConnectionValues): Promise<PayloadTypes> {
  if (!files) return PayloadTypes.none();
  // The compiler is loaded only where it is needed: most commands need none.
  const { loadTypes } = await import("./types/load-types.js");
  try {
    return PayloadTypes.fromDescriptorSet(loadTypes(files), () => []);
  } catch (error) {
    throw error instanceof TypeFileError ? new UsageError(`--types ${error.message}`, { cause: error }) : error;
  }
}
