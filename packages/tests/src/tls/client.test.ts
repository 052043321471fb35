import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { ConfabError, connect, isNetworkFailure, openLink, type TransportName } from "@confab/client/node";
import { expiredCertificate, otherCertificate, testCertificate } from "@confab/server/testing/certificate";
import { mustRun, runProgram } from "../fixture/run-program.js";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { type TlsFiles, writeTlsFiles } from "./testing/tls-files.js";

const confab = fileURLToPath(new URL("../../../cli/dist/main.js", import.meta.url));
const transports: readonly TransportName[] = [
  "grpc",
  "grpc-web",
  "connect",
  "websocket-plain",
  "websocket-json",
  "websocket-proto",
  "sse",
];

describe("clients over TLS", () => {
  let files: TlsFiles;
  let expiredFiles: TlsFiles;
  let server: ServerProcess;
  /** Where the certificate's names do not lead, with one that is out of date, and without any. */
  let others: { readonly elsewhere: ServerProcess; readonly expired: ServerProcess; readonly clear: ServerProcess };

  before(async () => {
    files = await writeTlsFiles();
    expiredFiles = await writeTlsFiles(expiredCertificate);
    server = await startServerProcess({ flags: { tls: files } });
    assert.match(server.url, /^https:/);
    others = {
      elsewhere: await startServerProcess({ flags: { tls: files, host: "127.0.0.2" } }),
      expired: await startServerProcess({ flags: { tls: expiredFiles } }),
      clear: await startServerProcess(),
    };
  });
  after(async () => {
    await Promise.all([server, ...Object.values(others)].map((each) => each.stop()));
    await Promise.all([files.remove(), expiredFiles.remove()]);
  });

  /** What a send over this transport fails with. */
  async function failureOf(transport: TransportName, url: string, ca: string): Promise<ConfabError> {
    const link = openLink(transport, { url, ca });
    try {
      await link.send({ user: "ada", text: "hi" });
    } catch (error) {
      assert.ok(error instanceof ConfabError);
      return error;
    } finally {
      link.close();
    }
    throw new Error("the message was taken");
  }

  for (const transport of transports) {
    it(`${transport}: one that knows the authority sends, reads and asks`, async () => {
      const room = `room-${transport}`;
      const link = openLink(transport, { url: server.url, ca: [otherCertificate, testCertificate] });
      const { position } = await link.send({ user: "ada", text: "one", room });
      const text = "two ".repeat(5_000);
      await link.send({ user: "ada", text, room });
      const listening = await link.listen({ room, after: position });
      for await (const message of listening) {
        assert.equal(message.text, text);
        break;
      }
      assert.deepEqual(
        (await link.rooms({ prefix: room })).rooms.map(({ messages }) => messages),
        [2],
      );
      link.close();
    });

    it(`${transport}: a server that cannot be trusted is told apart by why, and was sent nothing`, async () => {
      const of = async (url: string, ca: string) => {
        const error = await failureOf(transport, url, ca);
        assert.deepEqual([error.code, isNetworkFailure(error)], ["ENGINE_UNAVAILABLE", true], error.message);
        return error.message.replace(`cannot reach ${url}: `, "");
      };
      assert.equal(
        await of(server.url, otherCertificate),
        "its certificate is not trusted (self-signed certificate); name its authority with ca or NODE_EXTRA_CA_CERTS",
      );
      const { elsewhere, expired, clear } = others;
      assert.match(await of(elsewhere.url, testCertificate), /^its certificate is for other names: .*127\.0\.0\.2/);
      assert.equal(await of(expired.url, expiredCertificate), "its certificate has expired");
      const url = clear.url.replace("http:", "https:");
      assert.equal(await of(url, testCertificate), "it does not speak TLS; is it http:// that is meant?");
    });

    it(`${transport}: one that speaks clear text to a port of TLS is told so`, async () => {
      const { message } = await failureOf(transport, server.url.replace("https:", "http:"), testCertificate);
      assert.match(message, /this port speaks TLS: use https:\/\/|is it https:\/\/ that is meant\?/);
    });
  }

  it("the SDK keeps a conversation with an authority of its own", async () => {
    const client = connect({ url: server.url, ca: testCertificate, user: "ada" });
    const room = client.room("sdk");
    await room.send("hello");
    for await (const { text } of room.messages({ history: 1 })) {
      assert.equal(text, "hello");
      break;
    }
    client.close();
  });

  it("the command takes --ca or NODE_EXTRA_CA_CERTS, and says in one line what else is due", async () => {
    const url = ["--url", server.url];
    const ca = ["--ca", files.certFile];
    await mustRun(process.execPath, [confab, "send", "cli", "hi", ...url, ...ca]);
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: files.certFile };
    const heard = await mustRun(process.execPath, [confab, "listen", "cli", "--history", "1", "--count", "1", ...url], {
      env,
    });
    assert.match(heard, /: hi\n$/);

    const lineOf = async (...args: readonly string[]) => {
      const { code, stderr } = await runProgram(process.execPath, [confab, "rooms", ...args]);
      return `${code} ${stderr.replaceAll(server.url, "URL").replaceAll(files.folder, "FOLDER")}`;
    };
    assert.match(await lineOf(...url), /^3 confab: cannot reach URL: its certificate is not trusted[^\n]*\n$/);
    const hint = "\nTry: confab rooms --help\n";
    const nowhere = join(files.folder, "nowhere.pem");
    assert.match(await lineOf(...url, "--ca", nowhere), /^2 confab: --ca FOLDER\/nowhere.pem: ENOENT[^\n]*\nTry: /);
    assert.equal(
      await lineOf(...url, "--ca", files.keyFile),
      `2 confab: --ca FOLDER/key.pem: holds no certificate in PEM${hint}`,
    );
  });
});
