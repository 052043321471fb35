import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { connect, type TLSSocket } from "node:tls";
import { ConfigError, TlsFileError } from "@confab/server";
import { hoursFromNow, type Issued, TestAuthority } from "@confab/server/testing/issue-certificate";
import { type ServerConfig, startServer } from "@confab/server/testing/start-server";
import { WebSocket } from "ws";
import { newTestKey } from "../auth/testing/tokens.js";
import { rest, sendByGrpc, sendByWebSocket, shows } from "./testing/certified-clients.js";
import { type TlsFiles, writeTlsFiles } from "./testing/tls-files.js";

const folder = mkdtempSync(join(tmpdir(), "confab-test-"));
const authority = new TestAuthority("authority of clients");
const stranger = new TestAuthority("another authority");
const authorityFile = fileOf("authority.pem", authority.cert);
const ann = authority.issue({ commonName: "Ann Example", names: [["uri", "spiffe://corp.example/ann"]] });
const annsName = "spiffe://corp.example/ann";

let files: TlsFiles;
before(async () => {
  files = await writeTlsFiles();
});
after(async () => {
  await files.remove();
  rmSync(folder, { recursive: true, force: true });
});

function fileOf(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

interface Tried extends Omit<Partial<ServerConfig>, "tls"> {
  readonly tls?: Partial<ServerConfig["tls"]>;
}

/** A server that takes certificates of the authority, and what it has logged. */
async function serverOf(t: TestContext, { tls, ...config }: Tried = {}) {
  const lines: string[] = [];
  const log = (facts: object, message: string) => void lines.push(`${message} ${JSON.stringify(facts)}`);
  const server = await startServer({
    port: 0,
    engine: { kind: "embedded", dataDir: mkdtempSync(join(folder, "data-")), durability: "os" },
    logger: { info: log, warn: log, error: log },
    tls: tlsOf(tls),
    ...config,
  });
  t.after(() => server.close());
  return { server, url: server.url, lines };
}

function tlsOf(more: Tried["tls"] = {}) {
  return { certFile: files.certFile, keyFile: files.keyFile, clientCaFiles: [authorityFile], ...more };
}

/** Who sent the newest message. */
async function newestUser(url: string, tls = shows(ann)): Promise<string | undefined> {
  const { body } = await rest(`${url}/v1/rooms/lobby/messages?limit=1`, tls);
  return (JSON.parse(body) as { messages?: { user: string }[] }).messages?.[0]?.user;
}

async function postStatus(url: string, issued?: Issued, headers: Readonly<Record<string, string>> = {}) {
  return (await rest(`${url}/v1/rooms/lobby/messages`, shows(issued), { text: "hi" }, headers)).status;
}

describe("a client's certificate", () => {
  it("names the user of gRPC, REST and WebSocket", async (t) => {
    const { url } = await serverOf(t);
    const users: (string | undefined)[] = [];
    assert.equal(await sendByGrpc(url, shows(ann), "by gRPC"), "stored");
    users.push(await newestUser(url));
    assert.equal(await postStatus(url, ann), 200);
    users.push(await newestUser(url));
    users.push((JSON.parse(await sendByWebSocket(url, shows(ann), "by WebSocket")) as { user: string }).user);
    assert.deepEqual(users, [annsName, annsName, annsName]);
  });

  it("is needed where there is neither a token nor --allow-anyone, on each transport", async (t) => {
    const { url } = await serverOf(t);
    assert.equal(await sendByGrpc(url, shows(), "hi"), "UNAUTHENTICATED");
    assert.equal(await postStatus(url), 401);
    assert.match(await sendByWebSocket(url, shows(), "hi"), /UNAUTHENTICATED.*client certificate/);
  });

  it("is not needed with --allow-anyone, and names the user all the same", async (t) => {
    const { url } = await serverOf(t, { allowAnyone: true });
    assert.equal(await sendByGrpc(url, shows(ann), "hi"), "stored");
    assert.equal(await newestUser(url, shows()), annsName);
  });

  it("lets the server listen on other addresses, as a key does", async (t) => {
    await serverOf(t, { host: "0.0.0.0" });
    const config = { tls: { clientCaFiles: [] }, host: "0.0.0.0" };
    await assert.rejects(
      serverOf(t, config),
      (error) => error instanceof ConfigError && /--tls-client-ca/.test(error.message),
    );
  });

  it("may not be used for another user", async (t) => {
    const { url } = await serverOf(t);
    const { status } = await rest(`${url}/v1/rooms/lobby/messages`, shows(ann), { user: "bob", text: "hi" });
    assert.equal(status, 403);
  });
});

describe("a certificate that is not taken", () => {
  it("ends the connection, also where all callers are admitted", async (t) => {
    const { url, lines } = await serverOf(t, { allowAnyone: true });
    const names = [["dns", "ann"]] as const;
    for (const issued of [
      stranger.issue({ commonName: "ann", names }),
      authority.issue({ commonName: "ann", names, validFrom: hoursFromNow(-2), validTo: hoursFromNow(-1) }),
      authority.issue({ commonName: "ann", names, usage: "server" }),
    ]) {
      // Node's client of HTTP/2 takes the end of the connection for the stream's.
      const outcome = await sendByGrpc(url, shows(issued), "hi").catch(() => "the connection ended");
      assert.match(outcome, /^the connection ended$|^grpc-status undefined/);
      await assert.rejects(postStatus(url, issued));
      await assert.rejects(sendByWebSocket(url, shows(issued), "hi"));
    }
    assert.equal(await sendByGrpc(url, shows(ann), "hi"), "stored");
    // One line for all of them: an attack must not fill the disk.
    assert.equal(lines.filter((line) => line.startsWith("a client's certificate is refused")).length, 1);
  });
});

describe("the user of a certificate", () => {
  const rich = authority.issue({
    commonName: "cn-ann",
    names: [
      ["email", "ann@example.com"],
      ["dns", "*.example.com"],
      ["dns", "Ann.Example.com"],
      ["uri", `spiffe://corp.example/${"x".repeat(64)}`],
    ],
  });
  for (const [clientUser, user] of [
    // The URI is too long for a user, and the wildcard names many hosts.
    [undefined, "ann.example.com"],
    [["san-email", "san-dns"], "ann@example.com"],
    [["subject-cn"], "cn-ann"],
  ] as const) {
    it(`is taken from ${clientUser?.join(", ") ?? "the default places"}`, async (t) => {
      const { url } = await serverOf(t, { tls: clientUser ? { clientUser } : {} });
      assert.equal(await postStatus(url, rich), 200);
      assert.equal(await newestUser(url, shows(rich)), user);
    });
  }

  it("is missing in one without a fitting name, which is refused in each request", async (t) => {
    const { url } = await serverOf(t);
    const { status, body } = await rest(
      `${url}/v1/rooms/lobby/messages`,
      shows(authority.issue({ commonName: "ann" })),
    );
    assert.equal(status, 401);
    assert.match(body, /names no user.*--tls-client-user/);
  });
});

describe("a token beside a certificate", () => {
  it("says who calls, and a bad one is refused", async (t) => {
    const key = newTestKey();
    t.after(() => key.remove());
    const { url } = await serverOf(t, { auth: { keyFiles: [key.file] } });
    const authorization = `Bearer ${await key.token({ sub: "bob" })}`;
    assert.equal(await sendByGrpc(url, shows(ann), "hi", { authorization }), "stored");
    assert.equal(await newestUser(url), "bob");
    assert.equal(await postStatus(url, ann, { authorization: "Bearer no.such.token" }), 401);
    assert.equal(await postStatus(url, ann), 200);
    assert.equal(await newestUser(url), annsName);
  });
});

describe("rules of the server", () => {
  it("hold for certificates: those of tokens without rules, of the user and of everyone", async (t) => {
    const rules = {
      tokens: [{ pattern: "lobby", can: ["send", "create", "history"] }],
      users: { [annsName]: [{ pattern: "anns", can: ["send", "create"] }] },
      everyone: [{ pattern: "locked", cannot: ["send"] }],
    };
    const { url } = await serverOf(t, { rules });
    const bob = authority.issue({ commonName: "bob", names: [["dns", "bob"]] });
    const send = async (issued: Issued, room: string) =>
      (await rest(`${url}/v1/rooms/${room}/messages`, shows(issued), { text: "hi" })).status;
    assert.deepEqual(
      [await send(ann, "lobby"), await send(ann, "anns"), await send(ann, "other"), await send(ann, "locked")],
      [200, 200, 403, 403],
    );
    assert.deepEqual([await send(bob, "lobby"), await send(bob, "anns")], [200, 403]);
  });
});

/** Streams that a certificate opens, by what they say when they end. */
const streams: Readonly<Record<string, (url: string, issued: Issued, begun: () => void) => Promise<string>>> = {
  SSE: async (url, issued, begun) => {
    const session = connectHttp2(url, shows(issued));
    const stream = session.request({ ":path": "/v1/rooms/lobby/stream" });
    stream.once("response", begun);
    let text = "";
    for await (const chunk of stream) text += String(chunk);
    session.destroy();
    return text;
  },
  WebSocket: async (url, issued, begun) => {
    const socket = new WebSocket(`${url.replace("https", "wss")}/chat`, shows(issued));
    socket.once("open", begun);
    const [, reason] = await once(socket, "close");
    return String(reason);
  },
};

describe("what a certificate has opened", { concurrency: true }, () => {
  for (const [name, untilEnd] of Object.entries(streams)) {
    it(`ends with TOKEN_EXPIRED when it expires: ${name}`, async (t) => {
      const { url } = await serverOf(t);
      const validTo = new Date(Date.now() + 3_000);
      const brief = authority.issue({ commonName: "ann", names: [["dns", "ann"]], validTo });
      let hasBegun = false;
      const end = await untilEnd(url, brief, () => {
        hasBegun = true;
      });
      assert.match(end, /TOKEN_EXPIRED/);
      assert.ok(hasBegun);
    });

    for (const [what, revocation] of [
      ["its user", { user: annsName }],
      ["it, by its fingerprint", { tokenId: fingerprintOf(ann) }],
    ] as const) {
      it(`ends when ${what} is revoked: ${name}`, async (t) => {
        const rules = { users: { root: [{ pattern: "*", can: ["admin"] }] } };
        const { url } = await serverOf(t, { rules });
        const root = authority.issue({ commonName: "root", names: [["dns", "root"]] });
        let revoked: Promise<unknown> | undefined;
        const end = await untilEnd(url, ann, () => {
          revoked = rest(`${url}/v1/admin/revocations`, shows(root), revocation);
        });
        await revoked;
        assert.match(end, /UNAUTHENTICATED.*certificate was revoked/);
        assert.equal(await postStatus(url, ann), 401);
      });
    }
  }
});

describe("authorities that are read again", () => {
  const next = new TestAuthority("the next authority");
  const bob = next.issue({ commonName: "bob", names: [["dns", "bob"]] });

  it("are added without an effect on connections", async (t) => {
    const clientCaFiles = [fileOf("authorities.pem", authority.cert)];
    const { server, url } = await serverOf(t, { tls: { clientCaFiles } });
    await assert.rejects(postStatus(url, bob));
    const session = connectHttp2(url, shows(ann));
    t.after(() => session.destroy());
    assert.equal(await statusOn(session), 200);
    fileOf("authorities.pem", authority.cert + next.cert);
    server.reload({ tls: tlsOf({ clientCaFiles }) });
    assert.equal(await statusOn(session), 200);
    assert.equal(await postStatus(url, bob), 200);
  });

  it("end what one that is gone has vouched for: connections, and sessions that would be resumed", async (t) => {
    const clientCaFiles = [fileOf("gone.pem", authority.cert)];
    const { server, url } = await serverOf(t, { tls: { clientCaFiles } });
    const session = connectHttp2(url, shows(ann));
    t.after(() => session.destroy());
    const ticket = once(session.socket as TLSSocket, "session");
    assert.equal(await statusOn(session), 200);
    const [resumable] = (await ticket) as [Buffer];
    assert.equal(await isResumed(server.port, resumable), true);
    const socket = new WebSocket(`${url.replace("https", "wss")}/chat`, shows(ann));
    await once(socket, "open");
    fileOf("gone.pem", next.cert);
    server.reload({ tls: tlsOf({ clientCaFiles }) });
    const [, reason] = await once(socket, "close");
    assert.match(String(reason), /UNAUTHENTICATED.*connect again/);
    assert.equal(await statusOn(session), 401);
    assert.equal(await isResumed(server.port, resumable), undefined);
    assert.equal(await postStatus(url, bob), 200);
  });

  it("stay when the next ones cannot be used", async (t) => {
    const clientCaFiles = [fileOf("broken.pem", authority.cert)];
    const { server, url, lines } = await serverOf(t, { tls: { clientCaFiles } });
    fileOf("broken.pem", "no certificate");
    server.reload({ tls: tlsOf({ clientCaFiles }) });
    assert.match(lines.at(-1) ?? "", /broken.pem: holds no certificate/);
    assert.equal(await postStatus(url, ann), 200);
    server.reload({ tls: { certFile: files.certFile, keyFile: files.keyFile } });
    assert.match(lines.at(-1) ?? "", /--tls-client-ca\) changes with a restart only/);
  });

  it("stop the start when they cannot be used", async (t) => {
    for (const [text, reason] of [
      ["", "holds no certificate in PEM"],
      ["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "holds a certificate that cannot be read"],
    ] as const) {
      const clientCaFiles = [fileOf("bad.pem", text)];
      await assert.rejects(serverOf(t, { tls: { clientCaFiles } }), (error) => {
        assert.ok(error instanceof TlsFileError);
        assert.deepEqual([error.key, error.reason], ["clientCaFiles", reason]);
        return true;
      });
    }
  });

  /** Whether a session is resumed; undefined: the server ends the connection. */
  async function isResumed(port: number, session: Buffer): Promise<boolean | undefined> {
    const socket = connect({ ...shows(ann), port, host: "127.0.0.1", session, ALPNProtocols: ["h2"] });
    socket.on("error", () => undefined);
    // The server's first frame comes when the client's certificate was judged.
    const isServed = await Promise.race([
      once(socket, "data").then(
        () => true,
        () => false,
      ),
      once(socket, "close").then(() => false),
    ]);
    const isReused = socket.isSessionReused();
    socket.destroy();
    return isServed ? isReused : undefined;
  }

  async function statusOn(session: ReturnType<typeof connectHttp2>): Promise<number | undefined> {
    const stream = session.request({ ":path": "/v1/rooms/lobby/messages" });
    const [head] = (await once(stream, "response")) as [{ ":status"?: number }];
    stream.resume();
    return head[":status"];
  }
});

function fingerprintOf({ cert }: Issued): string {
  return new X509Certificate(cert).fingerprint256.replaceAll(":", "").toLowerCase();
}
