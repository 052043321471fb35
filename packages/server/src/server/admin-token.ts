import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The file of a data folder with the token that may administer a server without keys. */
const fileName = "admin-token";

export interface AdminToken {
  readonly file: string;
  readonly token: string;
}

/**
 * The token of a data folder, which is made where there is none. Only the server's user may read it.
 *
 * @throws the system's error: it cannot be read or written.
 */
export function adminTokenIn(folder: string): AdminToken {
  const file = join(folder, fileName);
  try {
    writeFileSync(file, `${randomBytes(32).toString("base64url")}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
  return { file, token: readFileSync(file, "utf8").trim() };
}
