import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { runProgram } from "../../fixture/run-program.js";
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
        // Without the mark by which a test runner knows its own children: this one shall print for people.
        const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
        const env = { ...environment, ...tlsEnvironment(files) };
        const file = fileURLToPath(new URL(`../../${path}.test.js`, import.meta.url));
        const { code, stdout, stderr } = await runProgram(process.execPath, ["--test-reporter=spec", file], { env });
        assert.equal(code, 0, stderr + stdout);
        assert.match(stdout, /^ℹ pass [1-9]/m);
      });
    }
  });
}
