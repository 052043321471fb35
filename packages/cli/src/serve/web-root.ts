import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The folder of the built page, for the server's configuration; nothing when it was not built. */
export function webRoot(): { webRoot?: string } {
  const folder = fileURLToPath(new URL("../../../web/dist/site/", import.meta.url));
  return existsSync(`${folder}index.html`) ? { webRoot: folder } : {};
}
