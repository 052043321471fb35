/** Tokens that were verified, so that a client which sends its token with each request has it verified once. */
export class TokenCache<Value> {
  private newer = new Map<string, Value>();
  private older = new Map<string, Value>();

  /** Up to twice `size` are kept; those that were not asked for in a while go first. */
  constructor(private readonly size: number) {}

  get(token: string): Value | undefined {
    const newer = this.newer.get(token);
    if (newer !== undefined) return newer;
    const older = this.older.get(token);
    if (older !== undefined) this.set(token, older);
    return older;
  }

  set(token: string, value: Value): void {
    if (this.newer.size >= this.size) {
      this.older = this.newer;
      this.newer = new Map();
    }
    this.newer.set(token, value);
  }

  delete(token: string): void {
    this.newer.delete(token);
    this.older.delete(token);
  }

  clear(): void {
    this.newer.clear();
    this.older.clear();
  }
}
