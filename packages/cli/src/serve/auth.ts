import type { ConfabOptions } from "@confab/server";
import { UsageError } from "../command.js";
import type { Settings } from "../config/resolve.js";

/** Without effect where there is no key. */
const needKey = ["auth-issuer", "auth-audience", "auth-clock-tolerance", "auth-cookie", "auth-token-in-url"] as const;

/** Who may connect. @throws UsageError: a setting needs a key, and there is none. */
export function authFrom(settings: Settings): Pick<ConfabOptions, "auth" | "allowAnyone"> {
  const allowAnyone = settings.get("allow-anyone");
  const keyFiles = settings.get("auth-key");
  const jwksUrl = settings.get("auth-jwks");
  if (keyFiles.length === 0 && jwksUrl === undefined) {
    const lonely = needKey.find((name) => settings.isGiven(name));
    if (lonely !== undefined)
      throw new UsageError(`${settings.labelOf(lonely)} needs a key: --auth-key or --auth-jwks`);
    return { allowAnyone };
  }
  const issuer = settings.get("auth-issuer");
  const audience = settings.get("auth-audience");
  const cookie = settings.get("auth-cookie");
  return {
    allowAnyone,
    auth: {
      keyFiles,
      ...(jwksUrl !== undefined && { jwksUrl }),
      ...(issuer !== undefined && { issuer }),
      ...(audience.length > 0 && { audience }),
      clockToleranceMs: settings.get("auth-clock-tolerance"),
      cookie: cookie === "none" ? "" : cookie,
      isInUrlTaken: settings.get("auth-token-in-url"),
    },
  };
}
