import { closeSync, openSync } from "node:fs";
import { join } from "node:path";

/** What the path of a Unix socket may have: `sun_path` of the system, without its zero at the end. */
const maxPathBytes = process.platform === "darwin" ? 103 : 107;

/**
 * Paths of sockets in a folder, whose own path may be longer than the system takes. Linux knows an open folder by a short
 * name, too.
 */
export class SocketFolder {
  private handle: number | undefined;

  constructor(private readonly folder: string) {}

  /** Until `close`. @throws Error: the path is too long. The system's error: the folder cannot be opened. */
  pathOf(name: string): string {
    const path = join(this.folder, name);
    const bytes = Buffer.byteLength(path);
    if (bytes <= maxPathBytes) return path;
    if (process.platform !== "linux")
      throw new Error(`the path ${path} has ${bytes} bytes; the system takes at most ${maxPathBytes}`);
    this.handle ??= openSync(this.folder, "r");
    return `/proc/self/fd/${this.handle}/${name}`;
  }

  close(): void {
    if (this.handle !== undefined) closeSync(this.handle);
    this.handle = undefined;
  }
}
