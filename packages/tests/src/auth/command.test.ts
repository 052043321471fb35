import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import { runCommandLine } from "@confab/cli";
import { LineWriter } from "../../../cli/dist/output/line-writer.js";
import { type ServerProcess, startConfabServe } from "../fixture/server-process.js";

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "confab-test-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const path = (name: string) => join(folder, name);

/** A command line within this process: twenty processes would take most of a minute. */
async function run(
  args: readonly string[],
  { env = {}, input = "" }: { env?: NodeJS.ProcessEnv; input?: string } = {},
) {
  const streams = [new PassThrough(), new PassThrough()] as const;
  const [out, err] = streams.map((stream) => new LineWriter(stream)) as [LineWriter, LineWriter];
  const { signal } = new AbortController();
  const stdin = Readable.from([input]);
  const printed = Promise.all(streams.map((stream) => text(stream)));
  const code = await runCommandLine(args, { out, err, stdin, env, signal, program: "confab", version: "0" });
  for (const stream of streams) stream.end();
  const [stdout = "", stderr = ""] = await printed;
  return { code, stdout, stderr };
}

async function tokenBy(key: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(["token", "--key", key, ...args]);
  assert.deepEqual([code, stderr], [0, ""]);
  return stdout.trim();
}

describe("confab token and a server that asks for one", () => {
  let server: ServerProcess;
  before(async () => {
    assert.equal((await run(["token", "--new-key", path("secret")])).code, 0);
    server = await startConfabServe(["--auth-key", path("secret")]);
  });
  after(() => server.stop());

  it("makes a key that only this user may read, and never over another", async () => {
    assert.equal(statSync(path("secret")).mode & 0o777, 0o600);
    const again = await run(["token", "--new-key", path("secret")]);
    assert.deepEqual(
      [again.code, again.stderr.split("\n")[0]],
      [2, `confab: --new-key ${path("secret")}: there is such a file already`],
    );
  });

  it("makes tokens that the commands show", async () => {
    const on = ["--url", server.url];
    const token = await tokenBy(path("secret"), "--user", "ann");
    const env = { CONFAB_TOKEN: token };
    // Without --user, as the user of the token.
    const sent = await run(["send", "lobby", ...on], { env, input: "hi" });
    assert.deepEqual([sent.code, sent.stderr], [0, ""]);
    writeFileSync(path("token"), `${token}\n`);
    const read = await run(["history", "lobby", "--token", path("token"), ...on]);
    assert.match(read.stdout, /ann.*hi/);
    const refused = await run(["history", "lobby", ...on]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /^confab: UNAUTHENTICATED: a token is needed.*\nGive a token: --token FILE, or /);
  });

  it("explains a token, and tells by its exit code whether it is accepted", async () => {
    const token = await tokenBy(
      path("secret"),
      "--user",
      "ann",
      "--can",
      "team-*=read,send",
      "--cannot",
      "team-x=send",
      "--id",
      "t1",
      "--expires",
      "30m",
    );
    const good = await run(["token", "--inspect", token, "--key", path("secret")]);
    assert.equal(good.code, 0);
    for (const line of [
      /^user +ann$/m,
      /^algorithm +HS256$/m,
      /^id +t1$/m,
      /^expires .*in 1(79\d|800) s/m,
      /"team-\*"/,
      /^accepted +yes$/m,
    ])
      assert.match(good.stdout, line);
    const unchecked = await run(["token", "--inspect"], { input: `${token}\n` });
    assert.deepEqual([unchecked.code, /accepted +not checked/.test(unchecked.stdout)], [0, true]);
    assert.equal((await run(["token", "--new-key", path("other")])).code, 0);
    const bad = await run(["token", "--inspect", token, "--key", path("other"), "--json"]);
    const { isAccepted, reason, claims } = JSON.parse(bad.stdout) as {
      isAccepted: boolean;
      reason: string;
      claims: { sub: string };
    };
    assert.deepEqual([bad.code, isAccepted, claims.sub], [1, false, "ann"]);
    assert.match(reason, /signature/);
  });

  it("signs with the private key of a pair, and a server verifies with the public one", async () => {
    for (const [name, pair] of [
      ["rsa", generateKeyPairSync("rsa", { modulusLength: 2_048 })],
      ["ec", generateKeyPairSync("ec", { namedCurve: "P-256" })],
      ["ed", generateKeyPairSync("ed25519")],
    ] as const) {
      writeFileSync(path(`${name}.key`), pair.privateKey.export({ type: "pkcs8", format: "pem" }));
      writeFileSync(path(`${name}.pub`), pair.publicKey.export({ type: "spki", format: "pem" }));
      const token = await tokenBy(path(`${name}.key`), "--user", "ann");
      assert.equal((await run(["token", "--inspect", token, "--key", path(`${name}.pub`)])).code, 0, name);
    }
  });

  it("prints a token that servers refuse, too, and says why they do", async () => {
    const mint = (...args: readonly string[]) => run(["token", "--key", path("secret"), ...args]);
    for (const [args, note] of [
      [["--user", "ann", "--expires", "900d"], /^note: .*valid for 77760000000 ms; maxTokenLifetimeMs is \d+\n$/],
      [["--user", "x".repeat(65)], /^note: .*"sub" is not a user's name/],
    ] as const) {
      const { code, stdout, stderr } = await mint(...args);
      assert.deepEqual([code, stdout.split(".").length], [0, 3]);
      assert.match(stderr, note);
    }
  });

  it("says what is wrong with a command line", async () => {
    for (const [args, text] of [
      [["--user", "ann"], "--key is missing: the file with the key that signs"],
      [["--key", path("secret")], "--user is missing: who the token is for"],
      [["--key", path("no"), "--user", "a"], `--key ${path("no")}: there is no such file`],
      [["--key", path("secret"), "--user", "a", "--can", "x"], "--can x: must be PATTERN=ACTION,ACTION"],
      [
        ["--key", path("secret"), "--user", "a", "--can", "x=fly"],
        '--can and --cannot[0].can has "fly"; there are read, send, signal, history, members, list, create, edit, delete, send-as, admin',
      ],
      [["--inspect", "hello"], "this is not a JWT: three parts in base64url with dots between them"],
    ] as const) {
      const { code, stderr } = await run(["token", ...args]);
      assert.deepEqual([code, stderr.split("\n")[0]], [2, `confab: ${text}`]);
    }
  });
});

describe("confab serve", () => {
  async function complaint(...args: readonly string[]): Promise<string> {
    const { code, stderr } = await run(["serve", "--port", "0", "--data", path("data"), ...args]);
    assert.equal(code, 2);
    return stderr.split("\n")[0] ?? "";
  }

  it("listens on no address that other machines reach, without a key or --allow-anyone", async () => {
    const advice =
      "callers are asked for no token: give a key (--auth-key or --auth-jwks) or an authority of client certificates (--tls-client-ca), ask a service who they are (--hook connect=URL), or admit all callers (--allow-anyone)";
    for (const host of ["0.0.0.0", "::", "192.0.2.1", "chat.example"])
      assert.equal(await complaint("--host", host), `confab: --host is ${host}, and ${advice}`);
    assert.equal(
      await complaint("--trust-proxy", "loopback"),
      `confab: --trust-proxy lets callers of other machines in, and ${advice}`,
    );
    assert.ok(!existsSync(path("data")), "nothing was opened");
  });

  it("does not start with a variable that only looks like a setting of who may connect", async () => {
    for (const name of ["CONFAB_AUTH_KEY_FILE", "CONFAB_AUTHKEY", "CONFAB_RULES_FILE"]) {
      const { code, stderr } = await run(["serve", "--data", path("data"), "--port", "0"], { env: { [name]: "x" } });
      assert.deepEqual([code, stderr.startsWith(`confab: ${name} is not a setting`)], [2, true], stderr);
    }
  });

  it("says which key it cannot use, and why", async () => {
    writeFileSync(path("short"), "hs256:secret\n");
    writeFileSync(path("plain"), `${"s".repeat(64)}\n`);
    writeFileSync(path("empty"), "");
    writeFileSync(path("set"), '{"keys":[]}');
    writeFileSync(
      path("p384.pub"),
      generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey.export({ type: "spki", format: "pem" }),
    );
    for (const [args, text] of [
      [["--auth-key", path("none")], /--auth-key .*none: cannot be read \(ENOENT\)/],
      [["--auth-key", path("short")], /a secret for HS256 has at least 32 bytes; this one has 6/],
      [["--auth-key", path("empty")], /neither PEM, nor a JWK or a set of them, nor a secret behind hs256:/],
      [["--auth-key", path("plain")], /neither PEM, nor a JWK or a set of them, nor a secret behind hs256:/],
      [["--auth-key", path("set")], /there is no key in it/],
      [["--auth-key", path("p384.pub")], /must be on P-256; this one is on secp384r1/],
      [["--auth-jwks", "http://id.example/keys"], /--auth-jwks must be an https:\/\/ URL/],
      [["--auth-jwks", "nowhere"], /--auth-jwks must be an https:\/\/ URL/],
      [["--auth-issuer", "x"], /--auth-issuer needs a key/],
      [["--auth-key", path("secret"), "--auth-clock-tolerance", "1h"], /must be from 0 to 600000/],
    ] as const)
      assert.match(await complaint(...args), text);
  });
});

describe("confab admin", () => {
  let server: ServerProcess;
  before(async () => {
    assert.equal((await run(["token", "--new-key", path("admin-key")])).code, 0);
    server = await startConfabServe(["--auth-key", path("admin-key")]);
  });
  after(() => server.stop());

  const admin = async (args: readonly string[], ...rights: readonly string[]) => {
    const CONFAB_TOKEN = await tokenBy(path("admin-key"), "--user", "root", ...rights);
    return run(["admin", ...args, "--url", server.url], { env: { CONFAB_TOKEN } });
  };

  it("revokes tokens and lists what is revoked", async () => {
    const all = ["--can", "*=admin"];
    const CONFAB_TOKEN = await tokenBy(path("admin-key"), "--user", "eve", "--id", "t9");
    const eve = () => run(["history", "lobby", "--url", server.url], { env: { CONFAB_TOKEN } });
    assert.equal((await eve()).code, 0);
    const revoked = await admin(["revoke", "--token-id", "t9"], ...all);
    assert.deepEqual(
      [revoked.code, /^revoked; kept until 20\d\d-/.test(revoked.stdout), revoked.stderr],
      [0, true, ""],
    );
    assert.match((await eve()).stderr, /UNAUTHENTICATED: the token was revoked/);
    const ofFay = await tokenBy(path("admin-key"), "--user", "fay");
    const listening = run(["listen", "lobby", "--url", server.url], { env: { CONFAB_TOKEN: ofFay } });
    while ((await admin(["connections", "--room", "lobby", "--json"], ...all)).stdout === "");
    assert.equal((await admin(["revoke", "--user", "fay"], ...all)).code, 0);
    // Over WebSocket frames: the close reason has the code, too, and it is said once.
    assert.match((await listening).stderr, /^go on with .*\nconfab: UNAUTHENTICATED: the token was revoked\n$/);
    assert.equal((await admin(["revoke", "--user", "bob", "--issued-before", "2026-01-31T12:00:00Z"], ...all)).code, 0);
    const { stdout } = await admin(["revocations"], ...all);
    const lines = stdout.trim().split("\n").sort();
    assert.equal(lines.length, 3);
    assert.match(lines[0] ?? "", /^token t9, kept until 20/);
    assert.match(lines[1] ?? "", /^user bob issued before 2026-01-31T12:00:00Z, kept until 20/);
  });

  it("erases a message by the position that history shows", async () => {
    const CONFAB_TOKEN = await tokenBy(path("admin-key"), "--user", "ann");
    const asAnn = (args: readonly string[]) => run([...args, "--url", server.url], { env: { CONFAB_TOKEN } });
    assert.equal((await asAnn(["send", "vault", "the password is hunter2"])).code, 0);
    const said = JSON.parse((await asAnn(["history", "vault", "--json"])).stdout) as Record<string, unknown>;
    const position = String(said["position"]);
    for (let time = 0; time < 2; time++) {
      const erased = await admin(["erase", "vault", position], "--can", "*=admin");
      assert.deepEqual(
        [erased.code, erased.stdout, erased.stderr],
        [0, `erased message ${position} of room vault\n`, ""],
      );
    }
    const left = JSON.parse((await asAnn(["history", "vault", "--json"])).stdout) as Record<string, unknown>;
    assert.deepEqual(left, { ...said, text: "", deleted: true });
    assert.match((await asAnn(["history", "vault"])).stdout, /^\d\d:\d\d:\d\d ann \(erased\)\n$/);
    const none = await admin(["erase", "vault", position.replace(/:1$/, ":2")], "--can", "*=admin");
    assert.match(none.stderr, /^confab: OUT_OF_RANGE: there is no message at position /);
  });

  it("deletes a room, and erases a user", async () => {
    const CONFAB_TOKEN = await tokenBy(path("admin-key"), "--user", "erna");
    const asErna = (args: readonly string[]) => run([...args, "--url", server.url], { env: { CONFAB_TOKEN } });
    for (const room of ["cellar", "cellar", "attic"]) assert.equal((await asErna(["send", room, "hello"])).code, 0);
    for (const [args, said] of [
      [["delete-room", "cellar"], "deleted room cellar: 2 messages\n"],
      [["delete-room", "cellar"], "there is no room cellar\n"],
      [["delete-room", "cellar", "--json"], '{"room":"cellar","messages":0}\n'],
    ] as const) {
      const done = await admin(args, "--can", "*=admin");
      assert.deepEqual([done.code, done.stdout, done.stderr], [0, said, ""]);
    }
    const erased = await admin(["erase-user", "erna", "--json"], "--can", "*=admin");
    const { rooms, ...done } = JSON.parse(erased.stdout) as Record<string, number>;
    assert.deepEqual([erased.code, done], [0, { user: "erna", messages: 1, changes: 0, unreadable: 0 }]);
    assert.ok(Number(rooms) >= 1);
    const left = JSON.parse((await asErna(["history", "attic", "--json"])).stdout) as Record<string, unknown>;
    assert.deepEqual([left["user"], left["text"], left["deleted"], left["id"]], ["", "", true, ""]);
    assert.match((await asErna(["history", "attic"])).stdout, /^\d\d:\d\d:\d\d +\(erased\)\n$/);
    const again = await admin(["erase-user", "erna", "--revoke"], "--can", "*=admin");
    assert.match(again.stdout, /^erased user erna: 0 messages and 0 changes, \d+ rooms were looked through\n$/);
    assert.match((await asErna(["history", "attic"])).stderr, /UNAUTHENTICATED: the token was revoked/);
  });

  it("says how much of a room is kept", async () => {
    const CONFAB_TOKEN = await tokenBy(path("admin-key"), "--user", "ann");
    const env = { CONFAB_TOKEN };
    const configured = "at most 1000000 messages, 1073741824 bytes";
    const none = `room kept: without bounds; in effect: ${configured}\n`;
    assert.equal((await admin(["retention", "kept"], "--can", "*=admin")).stdout, none);
    const early = await admin(["retention", "kept", "--max-messages", "2"], "--can", "*=admin");
    assert.match(
      early.stderr,
      /^confab: OUT_OF_RANGE: a room without a message has no bounds; room kept holds nothing, and is at offset 0 /,
    );
    for (let n = 0; n < 3; n++)
      assert.equal((await run(["send", "kept", "hello", "--url", server.url], { env })).code, 0);
    for (const [args, said] of [
      [["--max-messages", "2"], "room kept: at most 2 messages; in effect: at most 2 messages, 1073741824 bytes\n"],
      [
        ["--max-age", "90s", "--max-bytes", "2GiB"],
        "room kept: at most 90s, 2147483648 bytes; in effect: at most 1000000 messages, 90s, 1073741824 bytes\n",
      ],
      [["--max-age", "7d"], "room kept: at most 7d; in effect: at most 1000000 messages, 7d, 1073741824 bytes\n"],
      [["--none"], none],
      [["--json"], '{"room":"kept","retention":{},"effective":{"maxMessages":"1000000","maxBytes":"1073741824"}}\n'],
    ] as const) {
      const done = await admin(["retention", "kept", ...args], "--can", "*=admin");
      assert.deepEqual([done.code, done.stdout, done.stderr], [0, said, ""]);
    }
  });

  it("publishes to many rooms, and scrubs", async () => {
    const args = ["publish", "north", "south", "--text", "hello", "--id", "p1", "--user", "bob"];
    for (let time = 0; time < 2; time++) {
      const done = await admin(args, "--can", "*=admin,send-as,create");
      assert.deepEqual([done.code, done.stdout, done.stderr], [0, "stored in 2 of 2 rooms\n", ""]);
    }
    const bad = await admin(["publish", "north", "a b", "--text", "x"], "--can", "*=admin");
    assert.match(bad.stderr, /^confab: INVALID_MESSAGE: rooms\[1\]: /);
    const other = await admin(["publish", "north", "--text", "x", "--user", "bob"], "--can", "*=admin");
    assert.match(other.stderr, /^confab: PERMISSION_DENIED: /);
    const json = await admin([...args, "--json"], "--can", "*=admin,send-as");
    const lines = json.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { room: string; ack: { duplicate: boolean } });
    assert.deepEqual(
      lines.map(({ room, ack }) => [room, ack.duplicate]),
      [
        ["north", true],
        ["south", true],
      ],
    );
    const names = Array.from({ length: 900 }, (_, n) => `${n}`.padStart(30, "p"));
    const token = await tokenBy(path("admin-key"), "--user", "root", "--can", "*=admin,create");
    const piped = await run(["admin", "publish", "--text", "x", "--url", server.url], {
      env: { CONFAB_TOKEN: token },
      input: `${names.join("\n")}\n\n`,
    });
    assert.deepEqual([piped.stderr, piped.stdout, piped.code], ["", "stored in 900 of 900 rooms\n", 0]);
    const scrubbed = await admin(["scrub"], "--can", "*=admin");
    assert.deepEqual([scrubbed.code, scrubbed.stdout], [0, "the server's files are free of what was erased before\n"]);
    assert.equal((await admin(["scrub", "--json"], "--can", "*=admin")).stdout, '{"remaining":""}\n');
  });

  it("lists page after page, until there is no next one", async () => {
    const asked: (string | undefined)[] = [];
    const pages = [
      { revocations: [{ tokenId: "t1", keptUntil: "A" }], nextPage: "token t1&?" },
      { revocations: [{ user: "ann", issuedBefore: "B", keptUntil: "C" }] },
    ];
    const paging = createServer(({ url }, reply) => {
      asked.push(url);
      reply.end(JSON.stringify(pages[asked.length - 1]));
    });
    paging.listen(0, "127.0.0.1");
    await once(paging, "listening");
    const url = `http://127.0.0.1:${(paging.address() as AddressInfo).port}`;
    const { stdout } = await run(["admin", "revocations", "--url", url]);
    paging.close();
    assert.equal(stdout, "token t1, kept until A\nuser ann issued before B, kept until C\n");
    const path = "/v1/admin/revocations?limit=1000";
    assert.deepEqual(asked, [path, `${path}&page=token+t1%26%3F`]);
  });

  it("is refused without the permission for all rooms, and says what is wrong with a command line", async () => {
    const refused = await admin(["revocations"], "--can", "team-*=admin");
    assert.deepEqual(
      [refused.code, refused.stderr],
      [1, "confab: PERMISSION_DENIED: admin is not allowed in all rooms\n"],
    );
    for (const [args, text] of [
      [
        [],
        "what to do is missing: revoke, revocations, erase, connections, disconnect, delete-room, erase-user, retention, publish, scrub",
      ],
      [
        ["expel"],
        'there is no "expel"; there are revoke, revocations, erase, connections, disconnect, delete-room, erase-user, retention, publish, scrub',
      ],
      [["revoke", "bob"], 'unexpected argument "bob"'],
      [["erase"], "missing argument: ROOM"],
      [["erase", "lobby"], "missing argument: POSITION"],
      [["revocations", "--user", "bob"], "confab admin revocations has no option --user"],
      [
        ["publish", "a", "--text", "b", "--reason", "c"],
        "confab admin publish has no option --reason; it has --text, --user, --id",
      ],
      [
        ["disconnect", "--user", "bob"],
        "confab admin disconnect has no option --user; it has --connection, --reason, --may-return, --revoke",
      ],
      [["erase", "lobby", "seven"], 'POSITION must be epoch:offset, as 3405691582:7, got "seven"'],
      [["delete-room"], "missing argument: ROOM"],
      [["erase-user"], "missing argument: USER"],
      [["retention"], "missing argument: ROOM"],
      [["publish", "a"], "missing option: --text"],
      [["scrub", "a"], 'unexpected argument "a"'],
      [["retention", "a", "--max-age", "soon"], "--max-age soon: must be a time such as 90s, 30m, 12h or 7d"],
      [["retention", "a", "--max-age", "7d", "--none"], "--none excludes --max-messages, --max-age and --max-bytes"],
      [["revoke"], "what to revoke is missing: --user, --token-id or --issued-before"],
      [
        ["revoke", "--token-id", "a", "--user", "b"],
        "--token-id is about one token: it excludes --user and --issued-before",
      ],
      [
        ["revoke", "--issued-before", "yesterday"],
        "--issued-before yesterday: must be a time such as 2026-01-31T12:00:00Z",
      ],
    ] as const) {
      const { code, stderr } = await admin(args);
      assert.deepEqual([code, stderr.split("\n")[0]], [2, `confab: ${text}`]);
    }
  });

  it("administers a server without keys by the token of its data folder, which only its user may read", async () => {
    const open = await startConfabServe();
    const file = join(open.dataDir, "admin-token");
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal((await run(["admin", "revocations", "--url", open.url, "--token", file])).code, 0);
    assert.match((await run(["admin", "revocations", "--url", open.url])).stderr, /PERMISSION_DENIED/);
    // This token has no user: the sender's name is the one of a command without a token.
    const env = { USER: "eva" };
    assert.equal((await run(["send", "lobby", "hi", "--url", open.url, "--token", file], { env })).code, 0);
    assert.match((await run(["history", "lobby", "--url", open.url])).stdout, / eva: hi\n$/);
    await open.stop();
  });
});
