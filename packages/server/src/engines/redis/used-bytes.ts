/** A server that can be asked for the memory that it uses, in bytes; undefined: this user may not ask. */
interface MeasuredServer {
  usedBytes(): Promise<number | undefined>;
}

/** The memory that several servers use together. */
export class UsedBytes {
  private readonly last = new WeakMap<MeasuredServer, number | undefined>();

  /**
   * Undefined: it cannot be known.
   *
   * @throws what a server's question throws that was never answered.
   */
  async over(servers: Iterable<MeasuredServer>): Promise<number | undefined> {
    const parts = await Promise.all([...servers].map((server) => this.of(server)));
    return parts.reduce<number | undefined>(
      (sum, part) => (sum === undefined || part === undefined ? undefined : sum + part),
      0,
    );
  }

  private async of(server: MeasuredServer): Promise<number | undefined> {
    try {
      const bytes = await server.usedBytes();
      this.last.set(server, bytes);
      return bytes;
    } catch (thrown) {
      // It is away, which its link reports. The others are still measured: what it held last counts for it.
      if (!this.last.has(server)) throw thrown;
      return this.last.get(server);
    }
  }
}
