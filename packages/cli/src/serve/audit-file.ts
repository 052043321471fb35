import { closeSync, constants, openSync, writeSync } from "node:fs";
import type { Logger } from "@confab/server";
import { UsageError } from "../command.js";
import { openLog } from "./log.js";

/** The audit log in a separate file, in lines of JSON. */
export class AuditFile {
  readonly log: Pick<Logger, "info"> = openLog(this, { level: "info", format: "json" });
  private fd: number;
  private isFailing = false;

  /** Lines are added to the file. Only this user may read a new one. @throws UsageError: it cannot be opened. */
  constructor(
    private readonly file: string,
    label: string,
    private readonly logger: Logger,
  ) {
    try {
      this.fd = openedFile(file);
    } catch (cause) {
      throw new UsageError(`${label} ${file}: cannot be written (${codeOf(cause)})`, { cause });
    }
  }

  /** At once: the lines are few, and must be there after a crash. A disk that is full does not end the server. */
  write(line: string): boolean {
    try {
      writeSync(this.fd, line);
      this.isFailing = false;
    } catch (error) {
      // Said once, not for each line.
      if (!this.isFailing)
        this.logger.error({ file: this.file, reason: codeOf(error) }, "the audit log cannot be written");
      this.isFailing = true;
    }
    return !this.isFailing;
  }

  /** Write to the file that has the name now: the old one was renamed, to keep it. */
  reopen(): void {
    try {
      const fd = openedFile(this.file);
      closeSync(this.fd);
      this.fd = fd;
    } catch (error) {
      const text = "the audit log cannot be opened again; the old file stays in use";
      this.logger.error({ file: this.file, reason: codeOf(error) }, text);
    }
  }

  close(): void {
    closeSync(this.fd);
  }
}

/** A pipe that has the name is an error where it is not read, instead of a wait that would stop the server. */
function openedFile(file: string): number {
  const { O_APPEND, O_CREAT, O_NONBLOCK, O_WRONLY } = constants;
  return openSync(file, O_APPEND | O_CREAT | O_NONBLOCK | O_WRONLY, 0o600);
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
