import { statSync } from "node:fs";

/**
 * Whether the files that a server has open are still the ones at their paths. When its folder is deleted, moved or replaced,
 * all writes go on to succeed, into files that have no name any more.
 */
export class LogPlace {
  private readonly files: readonly { readonly path: string; readonly id: string | undefined }[];

  /** To be made when the files are open. */
  constructor(
    private readonly folder: string,
    paths: readonly string[],
  ) {
    this.files = paths.map((path) => ({ path, id: fileIdOf(path) }));
  }

  /** What is wrong; undefined: they are where they were. */
  trouble(): string | undefined {
    for (const { path, id } of this.files) {
      const now = fileIdOf(path);
      if (now !== id)
        return `the data folder ${this.folder} was ${now === undefined ? "deleted or moved" : "replaced"}`;
    }
    return undefined;
  }
}

/** Which file is at a path; undefined: none, or none that can be looked at. */
export function fileIdOf(path: string): string | undefined {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats && `${stats.dev}:${stats.ino}`;
  } catch {
    // A part of the path is a file by now, may not be read, or its disk fails: the file cannot be reached.
    return undefined;
  }
}
