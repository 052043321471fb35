import { after, before, describe, it } from "node:test";
import { runTestFile } from "../../fixture/test-file.js";
import { tlsEnvironment } from "../../fixture/tls-run.js";
import { type PartName, requirePart } from "../../optional-parts.js";
import { type TlsFiles, writeTlsFiles } from "./tls-files.js";

/** A test file by its path, without its ending, and the part without which it skips everything. */
export type Suite = readonly [path: string, part?: PartName];

/**
 * Run test files over TLS, each in a process whose servers have a certificate and whose clients trust it by
 * NODE_EXTRA_CA_CERTS alone: what holds in the clear holds there too.
 */
export function overTls(suites: readonly Suite[]): void {
  describe("over TLS", () => {
    let files: TlsFiles;
    before(async () => {
      files = await writeTlsFiles();
    });
    after(() => files.remove());

    for (const [path, part] of suites) {
      it(`${path} holds`, async (t) => {
        if (part !== undefined && requirePart(t, part) === undefined) return;
        await runTestFile(path, tlsEnvironment(files));
      });
    }
  });
}
