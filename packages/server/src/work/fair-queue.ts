/** Items of several owners, given out one of each owner in turn: many of one owner keep no other one waiting. */
export class FairQueue<Item> {
  /** In the order of their turns. No line is empty. */
  private readonly lines = new Map<object, Item[]>();
  private count = 0;

  get size(): number {
    return this.count;
  }

  /** How many of an owner's items wait. */
  sizeOf(owner: object): number {
    return this.lines.get(owner)?.length ?? 0;
  }

  push(owner: object, item: Item): void {
    this.count += 1;
    const line = this.lines.get(owner);
    if (line) line.push(item);
    else this.lines.set(owner, [item]);
  }

  /** Take an item out. It looks through the owner's line. */
  delete(owner: object, item: Item): void {
    const line = this.lines.get(owner);
    const at = line?.indexOf(item) ?? -1;
    if (line === undefined || at < 0) return;
    line.splice(at, 1);
    this.count -= 1;
    if (line.length === 0) this.lines.delete(owner);
  }

  /** The next item; its owner's next one comes after one of each other owner. Undefined: there is none. */
  shift(): Item | undefined {
    const [first] = this.lines;
    if (first === undefined) return undefined;
    const [owner, line] = first;
    const item = line.shift();
    this.count -= 1;
    this.lines.delete(owner);
    if (line.length > 0) this.lines.set(owner, line);
    return item;
  }
}
