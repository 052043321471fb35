/** `; did you mean "port"?` for the name that is most like a wrong one; empty if none is like it. */
export function suggestion(wrong: string, names: Iterable<string>): string {
  const name = nearest(wrong, names);
  return name === undefined ? "" : `; did you mean ${name}?`;
}

/** The name that is most like a wrong one; undefined if none is like it. */
export function nearest(wrong: string, names: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.min(maxDistance, Math.floor(wrong.length / 3)) + 1;
  for (const name of names) {
    const distance = distanceOf(plain(wrong), plain(name));
    if (distance >= bestDistance) continue;
    best = name;
    bestDistance = distance;
  }
  return best;
}

/** How many letters of a name may be wrong, and no more than a third of them. */
const maxDistance = 2;

/** `authKey`, `AUTH_KEY` and `auth-key` are the same mistake: none. */
function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[-_]/g, "");
}

/** How many letters have to be added, left out, replaced, or swapped with their neighbour. Names are short. */
function distanceOf(one: string, other: string): number {
  let before: number[] = [];
  let row = Array.from({ length: other.length + 1 }, (_, column) => column);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const isSame = one[i - 1] === other[j - 1];
      let least = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (isSame ? 0 : 1));
      const isSwap = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      if (isSwap) least = Math.min(least, (before[j - 2] ?? 0) + 1);
      next.push(least);
    }
    before = row;
    row = next;
  }
  return row[other.length] ?? 0;
}
