import { X509Certificate } from "node:crypto";
import { certificatesIn, dateTrouble, TlsFileError, textOf } from "./certificate.js";
import type { Logger } from "./logger.js";
import { systemClock } from "./platform.js";

/** The authorities whose clients' certificates are taken. They can be read again. */
export class ClientAuthorities {
  /** Their certificates in PEM. */
  pem: readonly string[];
  /** One more for each time that an authority was taken away: what it vouched for does not count any more. */
  version = 0;

  /** @throws TlsFileError */
  constructor(
    files: readonly string[],
    private readonly logger: Logger,
  ) {
    this.pem = this.read(files);
  }

  /** @throws TlsFileError: the old ones stay. */
  reload(files: readonly string[]): void {
    const next = this.read(files);
    if (this.pem.some((each) => !next.includes(each))) this.version++;
    this.pem = next;
  }

  private read(files: readonly string[]): readonly string[] {
    return files.flatMap((file) => {
      const blocks = certificatesIn(textOf("clientCaFiles", file));
      if (blocks.length === 0) throw new TlsFileError("clientCaFiles", file, "holds no certificate in PEM");
      for (const block of blocks) this.check(block, file);
      return blocks;
    });
  }

  private check(block: string, file: string): void {
    try {
      const { subject, validFrom, validTo } = new X509Certificate(block);
      const dates = { validFrom: new Date(validFrom), validTo: new Date(validTo) };
      const trouble = dateTrouble(dates, systemClock.nowMs());
      if (trouble !== undefined)
        this.logger.warn({ file, subject }, `an authority's certificate ${trouble}: those it vouches for are refused`);
    } catch (cause) {
      throw new TlsFileError("clientCaFiles", file, "holds a certificate that cannot be read", { cause });
    }
  }
}
