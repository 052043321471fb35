import { readFile } from "node:fs/promises";

/** The words that give the README's user of Redis its rights. Its password is `password`, and its keys begin with `confab:`. */
export async function readmeRights(): Promise<string[]> {
  const readme = await readFile(new URL("../../../../../README.md", import.meta.url), "utf8");
  return /^ +ACL SETUSER confab (.*)$/m.exec(readme)?.[1]?.split(" ") ?? [];
}
