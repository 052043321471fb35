import { readdir, readFile } from "node:fs/promises";

/** The processes of this machine that have this in their environment. */
export async function processesWith(setting: string): Promise<readonly string[]> {
  const ids = (await readdir("/proc")).filter((name) => /^[0-9]+$/.test(name));
  const found = await Promise.all(
    ids.map(async (id) => {
      try {
        const environment = await readFile(`/proc/${id}/environ`, "latin1");
        return environment.split("\0").includes(setting) ? [id] : [];
      } catch {
        // It ended meanwhile, or is somebody else's.
        return [];
      }
    }),
  );
  return found.flat();
}
