import type { ConfabOptions, RoomRule } from "@confab/server";
import { UsageError } from "../command.js";
import type { Settings } from "../config/resolve.js";
import { TypeFileError } from "../types/type-file-error.js";
import { authFrom } from "./auth.js";
import { engineFrom, type NamedEngine, retentionFrom } from "./engine.js";
import { hooksFrom } from "./hooks.js";
import { webRoot } from "./web-root.js";

/** A server's configuration, with the values that a command needs to speak about it. */
export type ServeConfig = ConfabOptions &
  Required<Pick<ConfabOptions, "host" | "port">> & { readonly engine: NamedEngine };

/** The server's configuration out of the settings. @throws UsageError: two settings exclude or need each other. */
export async function serverConfigFrom(settings: Settings): Promise<ServeConfig> {
  const types = settings.get("types");
  return {
    host: settings.get("host"),
    port: settings.get("port"),
    ...socketFrom(settings),
    ...tlsFrom(settings),
    ...authFrom(settings),
    ...(await rulesFrom(settings)),
    ...(await roomsFrom(settings)),
    engine: engineFrom(settings),
    retention: retentionFrom(settings),
    dedupeWindowMs: settings.get("dedupe-window"),
    limits: settings.limits(),
    allowedHosts: settings.get("allow-host"),
    allowedOrigins: settings.get("allow-origin"),
    trustedProxies: settings.get("trust-proxy"),
    proxyProtocol: settings.get("proxy-protocol"),
    ...(await hooksFrom(settings)),
    ...(types.length > 0 && { types: await typesFrom(types, settings.labelOf("types")) }),
    ...webRoot(),
  };
}

function socketFrom(settings: Settings): Pick<ConfabOptions, "socketMode"> {
  if (settings.get("host").startsWith("unix:")) {
    if (settings.isGiven("port"))
      throw new UsageError(`${settings.labelOf("port")} has no effect on a Unix socket: leave it out`);
    return { socketMode: Number.parseInt(settings.get("socket-mode"), 8) };
  }
  if (settings.isGiven("socket-mode"))
    throw new UsageError(`${settings.labelOf("socket-mode")} needs a Unix socket: --host unix:/path`);
  return {};
}

async function rulesFrom(settings: Settings): Promise<Pick<ConfabOptions, "rules">> {
  const file = settings.get("rules");
  if (file === undefined) return {};
  // The parser of YAML is loaded only where it is needed.
  const { rulesIn } = await import("./rules.js");
  return { rules: rulesIn(file, settings.labelOf("rules")) };
}

/** Whether they are rules the server checks. */
async function roomsFrom(settings: Settings): Promise<Pick<ConfabOptions, "rooms">> {
  const file = settings.get("rooms");
  if (file === undefined) return {};
  const { rulesIn } = await import("./rules.js");
  return { rooms: rulesIn(file, settings.labelOf("rooms")) as readonly RoomRule[] };
}

function tlsFrom(settings: Settings): Pick<ConfabOptions, "tls"> {
  const certFile = settings.get("tls-cert");
  const keyFile = settings.get("tls-key");
  const clientCaFiles = settings.get("tls-client-ca");
  const clientUser = settings.get("tls-client-user");
  if (clientUser.length > 0 && clientCaFiles.length === 0)
    throw new UsageError(`${settings.labelOf("tls-client-user")} needs an authority of clients: --tls-client-ca`);
  if (clientCaFiles.length > 0 && certFile === undefined)
    throw new UsageError(`${settings.labelOf("tls-client-ca")} needs a certificate of the server: --tls-cert`);
  if (certFile !== undefined && keyFile !== undefined) {
    const clients = {
      ...(clientCaFiles.length > 0 && { clientCaFiles }),
      ...(clientUser.length > 0 && { clientUser }),
    };
    return { tls: { certFile, keyFile, ...clients } };
  }
  if (certFile !== undefined)
    throw new UsageError(`${settings.labelOf("tls-cert")} ${certFile}: its private key is needed too, by --tls-key`);
  if (keyFile !== undefined)
    throw new UsageError(`${settings.labelOf("tls-key")} ${keyFile}: its certificate is needed too, by --tls-cert`);
  return {};
}

async function typesFrom(files: readonly string[], label: string): Promise<Uint8Array> {
  // The compiler is loaded only where it is needed.
  const { loadTypes } = await import("../types/load-types.js");
  try {
    return loadTypes(files);
  } catch (error) {
    throw error instanceof TypeFileError ? new UsageError(`${label} ${error.message}`, { cause: error }) : error;
  }
}
