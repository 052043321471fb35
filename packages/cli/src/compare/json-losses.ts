interface Container {
  /** Of an object, the names so far; a list has none. */
  readonly names: Set<string> | undefined;
  /** Where its next value stands: a name, or a number of a list. */
  place: string | number;
}

/** What valid JSON is made of, without its white space. */
const tokens = /"[^"\\]*(?:\\.[^"\\]*)*"|-?[0-9][0-9.eE+-]*|[{}[\],:]|true|false|null/g;

/**
 * What `JSON.parse` changes of a text that it takes, without a word: whole numbers that a double cannot hold, numbers that
 * become Infinity, and names that stand twice in an object. The first of them with its place, such as `items[2].id: …`;
 * undefined: nothing is lost.
 */
export function jsonLoss(text: string): string | undefined {
  const open: Container[] = [];
  for (const [token] of text.matchAll(tokens)) {
    const inner = open.at(-1);
    if (token === "{") open.push({ names: new Set(), place: "" });
    else if (token === "[") open.push({ names: undefined, place: 0 });
    else if (token === "}" || token === "]") open.pop();
    else if (token === ",") {
      if (inner) inner.place = typeof inner.place === "number" ? inner.place + 1 : "";
    } else if (token.startsWith('"') && inner?.names && inner.place === "") {
      const name = String(JSON.parse(token));
      inner.place = name;
      if (inner.names.has(name)) return `${placeOf(open)}: stands twice, and only the last one would be sent`;
      inner.names.add(name);
      // The name may be empty: whatever string comes before the next comma is a value.
      if (name === "") inner.place = '""';
    } else if (/^[-0-9]/.test(token)) {
      const loss = numberLoss(token);
      if (loss !== undefined) return `${placeOf(open)}: ${loss}`;
    }
  }
  return undefined;
}

function numberLoss(token: string): string | undefined {
  const value = Number(token);
  if (!Number.isFinite(value)) return `${token} is more than a number of JSON can be`;
  if (!/^-?[0-9]+$/.test(token) || BigInt(token) === BigInt(value)) return undefined;
  return `${token} would be sent as ${BigInt(value)}: beyond 2^53 write it as a string, "${token}", which is also how proto3 JSON writes 64-bit numbers`;
}

function placeOf(open: readonly Container[]): string {
  return open
    .map(({ place }) => (typeof place === "number" ? `[${place}]` : `.${place}`))
    .join("")
    .replace(/^\./, "");
}
