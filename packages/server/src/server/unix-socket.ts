import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import { connect, type Server } from "node:net";
import { isAbsolute } from "node:path";
import { isMainThread } from "node:worker_threads";
import { ConfigError } from "./config.js";

const prefix = "unix:";

/** What a path may have: `sun_path` of the system, without its zero at the end. */
const maxPathBytes = process.platform === "darwin" ? 103 : 107;

/** The path of a Unix socket, of a host such as `unix:/run/confab.sock`; undefined for another host. @throws ConfigError */
export function unixPathOf(host: string): string | undefined {
  if (!host.startsWith(prefix)) return undefined;
  const path = host.slice(prefix.length);
  const bytes = Buffer.byteLength(path);
  if (!isAbsolute(path)) throw new ConfigError(`\`host\` (--host) ${host}: the path of a Unix socket must be absolute`);
  if (bytes > maxPathBytes)
    throw new ConfigError(
      `\`host\` (--host) ${host}: the path has ${bytes} bytes; the system takes at most ${maxPathBytes}`,
    );
  return path;
}

export interface UnixAddress {
  readonly path: string;
  /** Who may connect: the permissions of the socket's file. */
  readonly mode: number;
}

/**
 * Listen on a Unix socket. One that is left over from a server that was killed is removed first. The system removes the file
 * when the server closes.
 *
 * Rejects with EADDRINUSE: another server listens there. ConfigError: the file is something else.
 */
export async function listenOnUnix(server: Server, address: UnixAddress, backlog: number): Promise<void> {
  try {
    await bound(server, address, backlog);
  } catch (error) {
    if (codeOf(error) !== "EADDRINUSE" || !(await isLeftOver(address.path))) throw error;
    unlinkSync(address.path);
    await bound(server, address, backlog);
  }
}

function bound(server: Server, { path, mode }: UnixAddress, backlog: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    // The file is made before `listen` returns. With its permissions from the beginning, no other user can connect in between.
    const before = isMainThread ? process.umask(0o777 & ~mode) : undefined;
    try {
      server.listen({ path, backlog }, () => {
        server.off("error", reject);
        resolve();
      });
    } finally {
      if (before !== undefined) process.umask(before);
    }
    // Threads have no umask that they could set.
    if (before === undefined) server.once("listening", () => chmodSync(path, mode));
  });
}

/** Whether it is a socket on which no process listens. @throws ConfigError: it is not a socket. */
async function isLeftOver(path: string): Promise<boolean> {
  if (!lstatSync(path).isSocket())
    throw new ConfigError(`\`host\` (--host) ${prefix}${path}: there is a file with this name that is not a socket`);
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.on("connect", () => {
      socket.destroy();
      resolve(false);
    });
    // Any other error, such as one of permissions, does not tell that no process listens.
    socket.on("error", (error) => resolve(codeOf(error) === "ECONNREFUSED"));
  });
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
