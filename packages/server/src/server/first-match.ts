import type { RoomId } from "../core/index.js";

interface Pattern<T> {
  /** A room's name, or the beginning of names and a `*`. */
  readonly pattern: string;
  readonly value: T;
}

/** What the first pattern that matches a room's name gives it. */
export class FirstMatch<T> {
  private readonly prefixes: readonly (Pattern<T> & { readonly at: number })[];
  private readonly literals: ReadonlyMap<string, Pattern<T> & { readonly at: number }>;
  private lastRoom: RoomId | undefined;
  private lastValue: T;

  constructor(
    private readonly patterns: readonly Pattern<T>[],
    private readonly others: T,
  ) {
    const placed = patterns.map((each, at) => ({ ...each, at }));
    this.prefixes = placed
      .filter(({ pattern }) => pattern.endsWith("*"))
      .map((each) => ({ ...each, pattern: each.pattern.slice(0, -1) }));
    const literals = placed.filter(({ pattern }) => !pattern.endsWith("*"));
    // The first of two with one name is the one that counts.
    this.literals = new Map(literals.reverse().map((each) => [each.pattern, each]));
    this.lastValue = others;
  }

  /** Every value that a room can have. */
  get values(): readonly T[] {
    return [...this.patterns.map(({ value }) => value), this.others];
  }

  of(room: RoomId): T {
    if (this.patterns.length === 0) return this.others;
    // Messages of one room come in runs.
    if (room !== this.lastRoom) {
      this.lastValue = this.find(room);
      this.lastRoom = room;
    }
    return this.lastValue;
  }

  private find(room: RoomId): T {
    const literal = this.literals.get(room);
    const prefix = this.prefixes.find(({ pattern }) => room.startsWith(pattern));
    if (!literal || !prefix) return (literal ?? prefix)?.value ?? this.others;
    return literal.at < prefix.at ? literal.value : prefix.value;
  }
}
