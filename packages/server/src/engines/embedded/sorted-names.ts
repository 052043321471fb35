/** A chunk is cut in two when it is longer: long enough that chunks are few, short enough that an insertion moves little. */
const maxChunkNames = 512;

/**
 * A set of names in the order of their code points, which is also the order of their UTF-8 bytes: what Redis sorts by, so
 * that pages look the same on every engine.
 *
 * Sorted chunks in a sorted list: adding, removing and finding a place take two binary searches and move at most one chunk.
 */
export class SortedNames {
  /** None of them is empty. */
  private readonly chunks: string[][] = [];

  /** A name that is not in the set. */
  add(name: string): void {
    const { chunk, at } = this.find(name);
    const into = this.chunks[chunk];
    if (!into) {
      // Behind everything: the last chunk is filled up first.
      const last = this.chunks.at(-1);
      if (last && last.length < maxChunkNames) last.push(name);
      else this.chunks.push([name]);
      return;
    }
    into.splice(at, 0, name);
    if (into.length > maxChunkNames) this.chunks.splice(chunk + 1, 0, into.splice(into.length >>> 1));
  }

  delete(name: string): void {
    const { chunk, at } = this.find(name);
    const from = this.chunks[chunk];
    if (from?.[at] !== name) return;
    from.splice(at, 1);
    if (from.length === 0) this.chunks.splice(chunk, 1);
  }

  /** The names that follow `name`, which need not be in the set, at most `limit`. */
  after(name: string, limit: number): string[] {
    const { chunk, at } = this.find(name);
    const following: string[] = [];
    let from = this.chunks[chunk]?.[at] === name ? at + 1 : at;
    for (let next = chunk; next < this.chunks.length && following.length < limit; next++) {
      following.push(...(this.chunks[next]?.slice(from, from + limit - following.length) ?? []));
      from = 0;
    }
    return following;
  }

  /** Where a name is or would be: the first chunk that ends at or after it. */
  private find(name: string): { readonly chunk: number; readonly at: number } {
    const chunk = firstIndex(this.chunks.length, (index) => !isBefore(this.chunks[index]?.at(-1) ?? "", name));
    const names = this.chunks[chunk] ?? [];
    return { chunk, at: firstIndex(names.length, (index) => !isBefore(names[index] ?? "", name)) };
  }
}

/** The first index below `length` at which the claim holds; it holds for all that follow. `length` if for none. */
function firstIndex(length: number, holds: (index: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Whether `a` comes before `b` by code points. JavaScript's own order is by UTF-16 units, where emoji precede U+E000. */
function isBefore(a: string, b: string): boolean {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [unitA, unitB] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (unitA !== unitB) return rank(unitA) < rank(unitB);
  }
  return a.length < b.length;
}

/** Surrogates stand for code points above all others. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
