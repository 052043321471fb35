import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

// Texts that are found again in files, also in pieces: a token, over and over.

const shape = /<<[0-9.]+>>/g;

export function filledWith(token: string, bytes: number): string {
  return token.repeat(Math.max(1, Math.ceil(bytes / token.length)));
}

export function tokenIn(text: string): string | undefined {
  return text.match(shape)?.[0];
}

/** All tokens that are in any file of a folder. */
export function tokensInFiles(folder: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const { name } of readdirSync(folder, { withFileTypes: true }).filter((each) => each.isFile())) {
    const bytes = readFileSync(join(folder, name)).toString("latin1");
    for (const match of bytes.matchAll(shape))
      if (!found.has(match[0])) found.set(match[0], `${name} at ${match.index}`);
  }
  return found;
}
