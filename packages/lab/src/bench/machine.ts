import { accessSync, constants, statfsSync } from "node:fs";
import { arch, availableParallelism, cpus, release, tmpdir, totalmem, type } from "node:os";
import { delimiter, join } from "node:path";

/** What the figures were measured on. */
export interface Machine {
  readonly cpuModel: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  /** Server and load each have a core of their own. */
  readonly pinned: boolean;
  readonly hasH2load: boolean;
  readonly hasRedis: boolean;
  /** The folder of Confab's log is in RAM: a flush costs nothing there, so a durable send looks cheaper than it is. */
  readonly logIsInMemory: boolean;
}

/** `f_type` of a tmpfs, from Linux's `magic.h`. */
const tmpfsMagic = 0x0102_1994;

/** Look at the machine. Pinning needs `taskset` and two cores. */
export function describeMachine(): Machine {
  const cores = availableParallelism();
  return {
    cpuModel: cpus()[0]?.model ?? "unknown",
    cores,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: `${type()} ${release()} ${arch()}`,
    node: process.version,
    pinned: cores > 1 && isOnPath("taskset"),
    hasH2load: isOnPath("h2load"),
    hasRedis: isOnPath("redis-server"),
    logIsInMemory: statfsSync(tmpdir()).type === tmpfsMagic,
  };
}

function isOnPath(program: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      // Not there, or not ours to run: the next folder may have it.
      return false;
    }
  });
}
