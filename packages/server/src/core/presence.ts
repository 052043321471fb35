/** Who reads a room on this node, by user and not by connection: the second tab of a user changes nothing for the others. */
export class Presence {
  private readonly connections = new Map<string, number>();

  get size(): number {
    return this.connections.size;
  }

  /** True if this is the user's first subscription. */
  enter(user: string): boolean {
    const count = this.connections.get(user) ?? 0;
    this.connections.set(user, count + 1);
    return count === 0;
  }

  /** True if this was the user's last subscription. */
  leave(user: string): boolean {
    const count = this.connections.get(user) ?? 0;
    if (count > 1) {
      this.connections.set(user, count - 1);
      return false;
    }
    return this.connections.delete(user);
  }

  /** Members by name that come after `after`, at most `limit`. */
  page(after: string, limit: number): { readonly user: string; readonly connections: number }[] {
    return [...this.connections]
      .filter(([user]) => user > after)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .slice(0, limit)
      .map(([user, connections]) => ({ user, connections }));
  }
}
