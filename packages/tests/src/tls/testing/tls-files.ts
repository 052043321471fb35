import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testCertificate, testKey } from "@confab/server/testing/certificate";

/** A certificate for localhost and its key, as files. */
export interface TlsFiles {
  readonly folder: string;
  readonly cert: string;
  /** The certificate's path. It is also its own authority. */
  readonly certFile: string;
  readonly keyFile: string;
  remove(): Promise<void>;
}

export async function writeTlsFiles(cert = testCertificate, key = testKey): Promise<TlsFiles> {
  const folder = await mkdtemp(join(tmpdir(), "confab-tls-"));
  const files = { certFile: join(folder, "cert.pem"), keyFile: join(folder, "key.pem") };
  await writeFile(files.certFile, cert);
  await writeFile(files.keyFile, key);
  return { ...files, cert, folder, remove: () => rm(folder, { recursive: true, force: true }) };
}
