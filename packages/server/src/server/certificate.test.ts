import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { expiredCertificate, otherCertificate, otherKey, testCertificate, testKey } from "../testing/certificate.js";
import { dateTrouble, readCertificate, TlsFileError } from "./certificate.js";
import type { TlsConfig } from "./config.js";

let folder = "";

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "confab-certificate-"));
});

after(() => rm(folder, { recursive: true }));

async function filesOf(cert: string, key: string): Promise<TlsConfig> {
  const files = { certFile: join(folder, "cert.pem"), keyFile: join(folder, "key.pem") };
  await writeFile(files.certFile, cert);
  await writeFile(files.keyFile, key);
  return files;
}

async function refusal(cert: string, key: string): Promise<string> {
  const files = await filesOf(cert, key);
  return refusalOf(files).replaceAll(`${folder}/`, "");
}

function refusalOf(files: TlsConfig): string {
  try {
    readCertificate(files);
  } catch (error) {
    assert.ok(error instanceof TlsFileError);
    assert.equal(error.file, files[error.key]);
    assert.equal(error.message, `tls.${error.key} ${error.file}: ${error.reason}`);
    return error.message;
  }
  return "taken";
}

describe("a certificate and its key", () => {
  it("are taken with whom they are for and how long, alone and with a chain behind", async () => {
    for (const cert of [testCertificate, testCertificate + otherCertificate, `issued to us\n${testCertificate}`]) {
      const { facts, keyPair } = readCertificate(await filesOf(cert, testKey));
      const { names, validFrom, validTo } = facts;
      assert.deepEqual(names, ["localhost", "127.0.0.1"]);
      assert.deepEqual(
        [validFrom.toISOString(), validTo.toISOString()],
        ["2026-11-22T20:52:16.000Z", "2126-10-29T20:52:16.000Z"],
      );
      assert.deepEqual(keyPair, { cert, key: testKey });
    }
  });

  it("that cannot be read are told apart by why", async () => {
    const files = await filesOf(testCertificate, testKey);
    const nowhere = join(folder, "nowhere.pem");
    assert.equal(refusalOf({ ...files, certFile: nowhere }), `tls.certFile ${nowhere}: there is no such file`);
    assert.equal(refusalOf({ ...files, keyFile: nowhere }), `tls.keyFile ${nowhere}: there is no such file`);
    assert.equal(refusalOf({ ...files, certFile: folder }), `tls.certFile ${folder}: is a folder`);
  });

  it("that hold something else are told what", async () => {
    assert.equal(await refusal("", testKey), "tls.certFile cert.pem: holds no certificate in PEM");
    assert.equal(await refusal(testKey, testKey), "tls.certFile cert.pem: holds no certificate in PEM but a key");
    assert.equal(
      await refusal(testCertificate, testCertificate),
      "tls.keyFile key.pem: holds no private key in PEM but a certificate",
    );
    assert.equal(await refusal(testCertificate, "secret"), "tls.keyFile key.pem: holds no private key in PEM");
    const broken = testCertificate.replace("MIIB", "AAAA");
    assert.equal(await refusal(broken, testKey), "tls.certFile cert.pem: holds a certificate that cannot be read");
    assert.equal(
      await refusal(testCertificate + broken, testKey),
      "tls.certFile cert.pem: holds a certificate that cannot be read",
    );
  });

  it("must belong together", async () => {
    assert.equal(
      await refusal(testCertificate, otherKey),
      "tls.keyFile key.pem: is not the key of the certificate in cert.pem",
    );
    assert.equal(
      await refusal(otherCertificate + testCertificate, testKey),
      "tls.certFile cert.pem: the server's own certificate must be the first in the file",
    );
  });

  it("are refused where the key has a passphrase, in either form", async () => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    for (const type of ["pkcs8", "sec1"] as const) {
      const encrypted = privateKey.export({ type, format: "pem", cipher: "aes-256-cbc", passphrase: "x" }).toString();
      assert.equal(
        await refusal(testCertificate, encrypted),
        "tls.keyFile key.pem: is encrypted; a key without a passphrase is needed",
      );
    }
  });

  it("are taken when the certificate is out of date, with a word about it", async () => {
    const { facts: expired } = readCertificate(await filesOf(expiredCertificate, testKey));
    assert.equal(dateTrouble(expired, Date.UTC(2026)), "has expired on 2020-02-01T00:00:00.000Z");
    assert.equal(dateTrouble(expired, Date.UTC(2019)), "is not valid before 2020-01-01T00:00:00.000Z");
    assert.equal(dateTrouble(expired, Date.UTC(2020, 0, 15)), undefined);
  });
});
