import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { connect } from "node:tls";
import { fileURLToPath } from "node:url";
import { expiredCertificate, otherCertificate, otherKey, testCertificate } from "@confab/server/testing/certificate";
import { type LiveProgram, startProgram } from "../fixture/live-program.js";
import { runProgram } from "../fixture/run-program.js";
import { startConfabServe } from "../fixture/server-process.js";
import { type TlsFiles, writeTlsFiles } from "./testing/tls-files.js";

const confab = fileURLToPath(new URL("../../../cli/dist/main.js", import.meta.url));

describe("confab serve with a certificate", () => {
  let files: TlsFiles;
  const place = () => ["--port", "0", "--data", join(files.folder, "data")];

  before(async () => {
    files = await writeTlsFiles();
    await writeFile(join(files.folder, "other.key"), otherKey);
  });
  // Also those of a test that failed.
  const programs: LiveProgram[] = [];
  after(async () => {
    await Promise.all(programs.map((program) => program.stop()));
    await files.remove();
  });

  /** `confab serve`, with its banner and its log in one text. */
  async function serve(...args: readonly string[]): Promise<LiveProgram> {
    const program = startProgram(process.execPath, [confab, "serve", ...place(), ...args], { joinsStderr: true });
    programs.push(program);
    await program.until(/Ctrl-C stops it/);
    return program;
  }

  async function complaint(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await runProgram(process.execPath, [confab, "serve", ...place(), ...args]);
    assert.deepEqual([code, stdout], [2, ""]);
    const [line = "", hint, ...more] = stderr.split("\n");
    assert.deepEqual([hint, more], ["Try: confab serve --help", [""]]);
    return line.replaceAll(`${files.folder}/`, "");
  }

  it("does not start where one of the two files is missing, unreadable or another's, and says which", async () => {
    const { certFile, keyFile, folder } = files;
    const cert = ["--tls-cert", certFile];
    const key = ["--tls-key", keyFile];
    const wrong: readonly (readonly [readonly string[], string])[] = [
      [cert, "--tls-cert cert.pem: its private key is needed too, by --tls-key"],
      [key, "--tls-key key.pem: its certificate is needed too, by --tls-cert"],
      [[...cert, "--tls-key", `${folder}/no.pem`], "--tls-key no.pem: there is no such file"],
      [["--tls-cert", `${folder}/no.pem`, ...key], "--tls-cert no.pem: there is no such file"],
      [[...cert, "--tls-key", certFile], "--tls-key cert.pem: holds no private key in PEM but a certificate"],
      [["--tls-cert", keyFile, ...key], "--tls-cert key.pem: holds no certificate in PEM but a key"],
      [
        [...cert, "--tls-key", `${folder}/other.key`],
        "--tls-key other.key: is not the key of the certificate in cert.pem",
      ],
    ];
    for (const [args, line] of wrong) assert.equal(await complaint(...args), `confab: ${line}`);
  });

  it("shows addresses of https and wss, and whom the certificate is for", async () => {
    const program = await serve("--tls-cert", files.certFile, "--tls-key", files.keyFile);
    const shown = await program.until(/Ctrl-C/);
    assert.match(shown, /listens on https:\/\/127\.0\.0\.1:\d+;/);
    assert.match(shown, /WebSocket +wss:\/\/127\.0\.0\.1:\d+\/chat/);
    assert.match(shown, /TLS +for localhost, 127\.0\.0\.1, until 2126-10-29;/);
    assert.doesNotMatch(shown, /http:|ws:\/|plaintext|prior-knowledge/);
    await program.stop();
  });

  it("starts with one that is out of date, and says so", async () => {
    const expired = join(files.folder, "expired.pem");
    await writeFile(expired, expiredCertificate);
    const program = await serve("--tls-cert", expired, "--tls-key", files.keyFile);
    const warning = await program.until(/clients will refuse it.*\n/);
    assert.match(warning, /warn: the certificate has expired on 2020-02-01T00:00:00.000Z: clients will refuse it/);
    await program.stop();
  });

  it("reads it again on SIGHUP, and keeps the old one where the new one is bad", async () => {
    const changing = await writeTlsFiles();
    const program = await serve("--tls-cert", changing.certFile, "--tls-key", changing.keyFile);
    const port = Number(/https:\/\/127\.0\.0\.1:(\d+)/.exec(await program.until(/Ctrl-C/))?.[1]);
    assert.equal(await certificateOn(port), testCertificate);

    await writeFile(changing.certFile, otherCertificate);
    process.kill(program.pid, "SIGHUP");
    const kept = await program.until(/the old one stays.*\n/);
    assert.match(
      kept,
      /error: .*the old one stays reason="tls.keyFile .*key.pem: is not the key of the certificate in/,
    );
    assert.equal(await certificateOn(port), testCertificate);

    await writeFile(changing.keyFile, otherKey);
    process.kill(program.pid, "SIGHUP");
    await program.until(/the certificate was read again validTo=/);
    assert.equal(await certificateOn(port), otherCertificate);
    await program.stop();
    await changing.remove();
  });

  it("and one without ends on SIGHUP, as it would in a terminal that is closed", async () => {
    const server = await startConfabServe();
    await server.kill("SIGHUP");
    assert.equal(await server.exited, null);
    await server.stop();
  });

  async function certificateOn(port: number): Promise<string | undefined> {
    const socket = connect({ port, host: "127.0.0.1", ca: [testCertificate, otherCertificate] });
    await once(socket, "secureConnect");
    const shown = socket.getPeerX509Certificate()?.toString();
    socket.destroy();
    return shown;
  }
});
