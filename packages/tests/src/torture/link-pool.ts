import { type Link, openLink, type TransportName } from "@confab/client/node";

/** The links of one client to one server, at most one of each transport. */
export class LinkPool {
  private readonly links = new Map<TransportName, Link>();

  constructor(private readonly url: string) {}

  get(transport: TransportName): Link {
    const known = this.links.get(transport);
    if (known) return known;
    const link = openLink(transport, { url: this.url });
    this.links.set(transport, link);
    return link;
  }

  /** Close a link; the next `get` makes another. */
  drop(transport: TransportName): void {
    this.links.get(transport)?.close();
    this.links.delete(transport);
  }

  close(): void {
    for (const transport of [...this.links.keys()]) this.drop(transport);
  }
}
