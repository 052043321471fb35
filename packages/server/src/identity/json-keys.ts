/**
 * A key that the outermost object of a JSON text has twice; undefined if there is none. Parsers differ in which of the two
 * they take, so two programs would read two different tokens (RFC 7519 §4). `json` parses, and is an object.
 */
export function repeatedKey(json: string): string | undefined {
  const seen = new Set<string>();
  let depth = 0;
  for (const [token, isKey] of tokensOf(json)) {
    if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]") depth--;
    else if (depth === 1 && isKey) {
      const key = JSON.parse(token) as string;
      if (seen.has(key)) return key;
      seen.add(key);
    }
  }
  return undefined;
}

/** Brackets, braces and strings, and whether a string is a key. */
function* tokensOf(json: string): Generator<readonly [token: string, isKey: boolean]> {
  for (const match of json.matchAll(/[{}[\]]|"(?:[^"\\]|\\.)*"(\s*:)?/gs)) {
    const [token, colon] = match;
    yield [colon === undefined ? token : token.slice(0, -colon.length), colon !== undefined];
  }
}
