import type { Share } from "./share.js";

/** Shares in the order in which they are served. */
export class Line {
  first: Share | undefined;
  private last: Share | undefined;

  push(share: Share): void {
    if (this.last === undefined) this.first = share;
    else this.last.behind = share;
    this.last = share;
  }

  shift(): Share | undefined {
    const share = this.first;
    if (share === undefined) return undefined;
    this.first = share.behind;
    if (this.first === undefined) this.last = undefined;
    share.behind = undefined;
    return share;
  }
}
