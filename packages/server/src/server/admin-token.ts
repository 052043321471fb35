import { randomBytes, randomUUID } from "node:crypto";
import { linkSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "./config-error.js";

/** The file of a data folder with the token that may administer a server without keys. */
const fileName = "admin-token";

/** 32 bytes in base64url. */
const shape = /^[A-Za-z0-9_-]{43}$/;

export interface AdminToken {
  readonly file: string;
  readonly token: string;
}

/**
 * The token of a data folder, which is made where there is none. Only the server's user may read it.
 *
 * @throws ConfigError: the file cannot be read or written, or holds something else.
 */
export function adminTokenIn(folder: string): AdminToken {
  const file = join(folder, fileName);
  try {
    makeUnlessThere(file);
    const token = readFileSync(file, "utf8").trim();
    if (!shape.test(token)) throw new ConfigError(`${file} does not hold a token: remove it, and a new one is made`);
    return { file, token };
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new ConfigError(`${file} cannot be used (${code})`, { cause: error });
  }
}

/** Under its name only when it is whole: half a token is a short one. */
function makeUnlessThere(file: string): void {
  const unfinished = `${file}.${randomUUID()}.new`;
  try {
    writeFileSync(unfinished, `${randomBytes(32).toString("base64url")}\n`, { mode: 0o600, flag: "wx", flush: true });
    linkSync(unfinished, file);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  } finally {
    unlinkSync(unfinished);
  }
}
