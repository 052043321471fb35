import { close, open } from "node:fs";
import { devNull } from "node:os";
import type { Logger } from "./logger.js";

/** How long after a new connection a descriptor is tried, and how often while there is none, in milliseconds. */
const probeIntervalMs = 1_000;

/** Opens one descriptor and closes it again; the callback gets the system's error, such as EMFILE. */
export type Probe = (done: (error: NodeJS.ErrnoException | null) => void) => void;

/**
 * Notices when the process has no file descriptor left (`ulimit -n`). Node then closes new connections without an event,
 * so after new connections a descriptor is tried, once a second at most. Logs once when there is none, and once when there
 * is one again; connections are accepted again by themselves.
 */
export class DescriptorWatch {
  private timer: NodeJS.Timeout | undefined;
  private isShort = false;

  constructor(
    private readonly logger: Logger,
    private readonly probe: Probe = openDevNull,
  ) {}

  /** A connection was accepted, or could not be. */
  connected(): void {
    this.timer ??= setTimeout(() => this.try(), probeIntervalMs).unref();
  }

  /** May be called twice. */
  close(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private try(): void {
    this.probe((error) => {
      const wasClosed = this.timer === undefined;
      this.timer = undefined;
      if (wasClosed) return;
      const isShort = error?.code === "EMFILE" || error?.code === "ENFILE";
      if (isShort && !this.isShort) {
        this.logger.error(
          { code: error.code },
          "no file descriptor is left, new connections are closed: raise the limit (ulimit -n), or lower maxConnections",
        );
      }
      if (!isShort && this.isShort) this.logger.info({}, "file descriptors are available again");
      this.isShort = isShort;
      if (isShort) this.connected();
    });
  }
}

const openDevNull: Probe = (done) => {
  open(devNull, "r", (error, descriptor) => {
    if (error) return done(error);
    close(descriptor, done);
  });
};
