import type { KeyPair } from "../http/tls-port.js";
import { type Certificate, type CertificateFacts, dateTrouble, readCertificate } from "./certificate.js";
import { ClientAuthorities } from "./client-authorities.js";
import { ConfigError, type TlsConfig } from "./config.js";
import type { Logger } from "./logger.js";
import { systemClock } from "./platform.js";

/** What a port shows to its clients, and who vouches for theirs. Their files can be read again. */
export class PortCertificates {
  /** Undefined: clients are not asked for certificates. */
  readonly clientAuthorities: ClientAuthorities | undefined;
  /** Undefined: clear text. */
  private own: Certificate | undefined;

  /** @throws TlsFileError */
  constructor(
    tls: TlsConfig | undefined,
    private readonly logger: Logger,
  ) {
    this.own = tls && this.read(tls);
    const files = tls?.clientCaFiles ?? [];
    this.clientAuthorities = files.length === 0 ? undefined : new ClientAuthorities(files, logger);
  }

  get facts(): CertificateFacts | undefined {
    return this.own?.facts;
  }

  /** Not to be shown or logged. */
  get keyPair(): KeyPair | undefined {
    return this.own?.keyPair;
  }

  /** The new key pair; undefined where there is no TLS. @throws ConfigError, TlsFileError: the old one stays. */
  reload(tls: TlsConfig | undefined): KeyPair | undefined {
    if ((tls === undefined) !== (this.own === undefined))
      throw new ConfigError("whether the port speaks TLS (--tls-cert) changes with a restart only");
    if (!tls) return undefined;
    const { clientCaFiles = [] } = tls;
    if ((clientCaFiles.length === 0) !== (this.clientAuthorities === undefined))
      throw new ConfigError("whether clients are asked for certificates (--tls-client-ca) changes with a restart only");
    const next = this.read(tls);
    this.clientAuthorities?.reload(clientCaFiles);
    this.own = next;
    this.logger.info({ validTo: next.facts.validTo }, "the certificate was read again");
    return next.keyPair;
  }

  private read(tls: TlsConfig): Certificate {
    const certificate = readCertificate(tls);
    const trouble = dateTrouble(certificate.facts, systemClock.nowMs());
    if (trouble !== undefined)
      this.logger.warn({ file: tls.certFile }, `the certificate ${trouble}: clients will refuse it`);
    return certificate;
  }
}
