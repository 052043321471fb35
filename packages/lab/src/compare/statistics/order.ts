/**
 * The order of turns in one round. Over as many rounds as there are contenders each has every place once, and in an even
 * number of them each also stands behind every other one once (Williams, Aust. J. Chem. 2, 1949), so nobody profits from
 * always running first, or always behind the same one. `seed` says who plays which part, so that not every comparison
 * favours the same ones by the same little.
 */
export function orderOfRound<Item>(items: readonly Item[], round: number, seed: number): readonly Item[] {
  const players = shuffled(items, seed);
  return players.flatMap((_, place) => players[(zigzag(place, players.length) + round) % players.length] ?? []);
}

/** 0, 1, n − 1, 2, n − 2, …: the differences between neighbours are all different. */
function zigzag(place: number, count: number): number {
  return place % 2 === 1 ? (place + 1) / 2 : (count - place / 2) % count;
}

function shuffled<Item>(items: readonly Item[], seed: number): readonly Item[] {
  const order = [...items];
  const random = mulberry32(seed);
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    const [a, b] = [order[last], order[other]];
    if (a !== undefined && b !== undefined) [order[last], order[other]] = [b, a];
  }
  return order;
}

/** Mulberry32 (Tommy Ettinger, public domain): 32 bits of state, good enough to shuffle with. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
