import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { transportNames } from "@confab/client/node";
import { type ProgramResult, runProgram } from "./fixture/run-program.js";
import { type ServerProcess, startConfabServe } from "./fixture/server-process.js";

const confab = fileURLToPath(new URL("../../cli/dist/main.js", import.meta.url));

const orderProto = `syntax = "proto3";
package shop;
import "buf/validate/validate.proto";
message Order { string number = 1 [(buf.validate.field).string.min_len = 2]; int32 pieces = 2; }
`;

function run(args: readonly string[], input?: string): Promise<ProgramResult> {
  return runProgram(process.execPath, [confab, ...args], input === undefined ? {} : { input });
}

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

describe("the confab command", () => {
  let server: ServerProcess;
  let folder: string;
  const url = () => ["--url", server.url];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "confab-cli-test-"));
    await writeFile(join(folder, "shop.proto"), orderProto);
    server = await startConfabServe(["--types", join(folder, "shop.proto")]);
  });
  after(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  for (const transport of transportNames) {
    it(`sends, listens and reads history over ${transport}`, async () => {
      const room = `room-${transport}`;
      const on = ["--transport", transport, ...url()];
      const sent = await run(["send", room, "--user", "alice", ...on], "one\n\ntwo\r\nthree");
      assert.deepEqual([sent.code, sent.stderr], [0, ""]);
      const positions = lines(sent.stdout);
      assert.deepEqual(
        positions.map((position) => position.split(":")[1]),
        ["1", "2", "3"],
      );
      const heard = await run(["listen", room, "--after", positions[0] ?? "", "--count", "2", "--json", ...on]);
      assert.deepEqual(
        lines(heard.stdout)
          .map((line) => JSON.parse(line))
          .map(({ text, position }) => [text, position]),
        [
          ["two", positions[1]],
          ["three", positions[2]],
        ],
      );
      const { stdout } = await run(["history", room, "--limit", "2", ...on]);
      assert.match(stdout, /^\d\d:\d\d:\d\d alice: two\n\d\d:\d\d:\d\d alice: three\n$/);
    });
  }

  it("leaves out what is not from the users or with the payloads that are asked for", async () => {
    for (const [user, text] of [
      ["ann", "one"],
      ["bob", "two"],
      ["cid", "three"],
      ["ann", "four"],
    ] as const)
      await run(["send", "filtered", text, "--user", user, "--quiet", ...url()]);
    const textsOf = async (...args: string[]) => {
      const { code, stdout, stderr } = await run([...args, "--json", ...url()]);
      assert.deepEqual([code, stderr], [0, ""]);
      return lines(stdout).map((line) => JSON.parse(line).text);
    };
    const fromTwo = ["--from-user", "ann", "--from-user", "cid"];
    assert.deepEqual(await textsOf("history", "filtered", "--limit", "2", ...fromTwo), ["three", "four"]);
    assert.deepEqual(await textsOf("history", "filtered", "--payload-type", "shop.Order"), []);
    const begin = ["listen", "filtered", "--history", "3", "--count", "3"];
    assert.deepEqual(await textsOf(...begin, ...fromTwo, "--payload-type", "-"), ["one", "three", "four"]);
    const { code, stderr } = await run(["listen", "filtered", "--payload-type", "a/b", ...url()]);
    assert.equal(code, 1);
    assert.match(stderr, /INVALID_MESSAGE/);
  });

  it("keeps the order of a thousand lines, and --quiet prints nothing", async () => {
    const texts = Array.from({ length: 1_000 }, (_, index) => `line ${index}`);
    const sent = await run(["send", "many", "--quiet", ...url()], texts.join("\n"));
    assert.deepEqual([sent.code, sent.stdout, sent.stderr], [0, "", ""]);
    const history = await run(["history", "many", "--limit", "1000", "--json", ...url()]);
    assert.deepEqual(
      lines(history.stdout).map((line) => JSON.parse(line).text),
      texts,
    );
  });

  it("pages through more history than one page holds, in both directions", async () => {
    const texts = Array.from({ length: 1_200 }, (_, index) => String(index));
    const sent = await run(["send", "long", ...url()], texts.join("\n"));
    const textsOf = ({ stdout }: ProgramResult) => lines(stdout).map((line) => JSON.parse(line).text);
    assert.deepEqual(textsOf(await run(["history", "long", "--limit", "1100", "--json", ...url()])), texts.slice(100));
    const first = lines(sent.stdout)[0] ?? "";
    assert.deepEqual(
      textsOf(await run(["history", "long", "--limit", "1100", "--after", first, "--json", ...url()])),
      texts.slice(1, 1_101),
    );
  });

  it("stores a pipe once when it is repeated with the same --id", async () => {
    const args = ["send", "once", "--id", "batch", ...url()];
    const first = await run(args, "a\nb\n");
    const second = await run(args, "a\nb\n");
    assert.deepEqual(
      lines(second.stdout),
      lines(first.stdout).map((position) => `${position} duplicate`),
    );
  });

  it("reports a refused line by its number, sends the others, and ends with 1", async () => {
    const { code, stdout, stderr } = await run(["send", "mixed", ...url()], `ok\n${"x".repeat(70_000)}\nalso ok\n`);
    assert.equal(code, 1);
    assert.equal(lines(stdout).length, 2);
    assert.match(stderr, /^line 2: PAYLOAD_TOO_LARGE: .*maxMessageBytes/);
  });

  it("lists rooms as a table and as JSON", async () => {
    await run(["send", "listed", "hi", ...url()]);
    const table = lines((await run(["rooms", "listed", ...url()])).stdout);
    assert.deepEqual(
      table.map((line) => line.split(/ +/).slice(0, 2)),
      [
        ["ROOM", "MESSAGES"],
        ["listed", "1"],
      ],
    );
    const { name, messages } = JSON.parse((await run(["rooms", "listed", "--json", ...url()])).stdout);
    assert.deepEqual([name, messages], ["listed", 1]);
  });

  it("checks and shows payloads of types from a .proto file, whichever side has them", async () => {
    const good = JSON.stringify({ "@type": "type.googleapis.com/shop.Order", number: "A7", pieces: 3 });
    const types = ["--types", join(folder, "shop.proto")];
    assert.equal((await run(["send", "orders", "--payload", good, ...types, ...url()])).code, 0);
    assert.equal((await run(["send", "orders", "--payload", good, "--transport", "sse", ...url()])).code, 0);
    const shown = await run(["history", "orders", "--json", ...types, ...url()]);
    assert.deepEqual(
      lines(shown.stdout).map((line) => JSON.parse(line).payload),
      [JSON.parse(good), JSON.parse(good)],
    );
    const bad = JSON.stringify({ "@type": "type.googleapis.com/shop.Order", number: "A" });
    const refused = await run(["send", "orders", "--payload", bad, ...types, ...url()]);
    assert.deepEqual([refused.code, /INVALID_MESSAGE: payload\.number/.test(refused.stderr)], [1, true]);
  });

  it("shows control characters of strangers as pictures", async () => {
    await run(["send", "loud", "a\u001b[2Jb\u0007", "--user", "eve", ...url()]);
    assert.match((await run(["history", "loud", ...url()])).stdout, /eve: a␛\[2Jb␇\n$/);
  });

  it("ends with 1 and the catalogue's code when the server says no", async () => {
    const { code, stderr } = await run(["send", "no/room", "hi", ...url()]);
    assert.deepEqual([code, stderr.split(": ").slice(0, 2)], [1, ["confab", "INVALID_MESSAGE"]]);
  });

  it("ends cleanly when whoever reads its output has gone", async () => {
    await run(["send", "pipe", ...url()], "1\n2\n3\n");
    const listener = spawn(process.execPath, [confab, "listen", "pipe", "--history", "3", ...url()], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stderr = "";
    listener.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    const closed = once(listener, "close");
    await once(createInterface(listener.stdout), "line");
    listener.stdout.destroy();
    await run(["send", "pipe", ...url()], "4\n");
    assert.deepEqual(await closed, [0, null]);
    assert.equal(stderr, "");
  });

  it("listens to all rooms of a prefix, and says which one each message is of", async () => {
    await run(["send", "pre.a", "--user", "cli", ...url()], "many");
    await run(["send", "pre.b", "--user", "cli", ...url()], "few");
    const all = ["listen", "pre.*", "--history", "1", "--count", "2", ...url()];
    const { code, stdout } = await run([...all, "--transport", "grpc"]);
    assert.equal(code, 0);
    assert.deepEqual(
      lines(stdout)
        .map((line) => line.replace(/ [\d:]+ /, " "))
        .sort(),
      ["pre.a cli: many", "pre.b cli: few"],
    );
    const json = lines((await run([...all, "--json"])).stdout).map((line) => JSON.parse(line).room);
    assert.deepEqual(json.sort(), ["pre.a", "pre.b"]);
    const refused = await run([...all, "--transport", "sse"]);
    assert.match(refused.stderr, /UNKNOWN_METHOD: .*sse has none/);
    assert.notEqual(refused.code, 0);
    assert.match(
      (await run(["listen", "pre.*", "--after", "1:1", ...url()])).stderr,
      /--after is a position of one room/,
    );
  });

  it("ends a listener with 130 on Ctrl-C", async () => {
    await run(["send", "stop", "1", ...url()]);
    const listener = spawn(process.execPath, [confab, "listen", "stop", "--history", "1", ...url()], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const closed = once(listener, "close");
    await once(createInterface(listener.stdout), "line");
    listener.kill("SIGINT");
    assert.deepEqual(await closed, [130, null]);
  });
});

describe("the confab command without a server", () => {
  it("ends with 3 when nobody listens", async () => {
    const holder = createServer().listen(0, "127.0.0.1");
    await once(holder, "listening");
    const { port } = holder.address() as AddressInfo;
    holder.close();
    const { code, stderr } = await run(["send", "lobby", "hi", "--url", `127.0.0.1:${port}`]);
    assert.deepEqual([code, lines(stderr).length], [3, 1]);
    assert.match(stderr, /cannot reach http:\/\/127\.0\.0\.1:\d+: connect ECONNREFUSED/);
  });

  it("ends with 2 and names what is wrong with the command line", async () => {
    const wrong: readonly (readonly [string[], RegExp])[] = [
      [["sing"], /no command "sing"/],
      [["send"], /ROOM is missing/],
      [["send", "lobby", "hi", "there"], /unexpected argument "there"/],
      [["send", "--bogus"], /--bogus/],
      [["listen", "--history", "many"], /--history many/],
      [["listen", "--after", "1:1", "--history", "2"], /exclude each other/],
      [["listen", "--after", "seven"], /--after must be epoch:offset, as 3405691582:7, got "seven"/],
      [["listen", "--changes", "--from-user", "ann"], /--changes excludes --from-user and --payload-type/],
      [["history", "--before", "7"], /--before must be epoch:offset, as 3405691582:7, got "7"/],
      [["listen", "--transport", "websocket"], /--transport must be one of websocket-proto, .*, sse, got "websocket"/],
      [["rooms", "--url", "ftp://x"], /--url ftp:\/\/x/],
      [["serve", "--limit", "maxRooms=0"], /--limit maxRooms=0: must be a whole number from 1 to/],
      [["serve", "--limit", "maxRooms"], /--limit maxRooms: its value is missing; use --limit maxRooms=N/],
      [["serve", "--limit", "maxFish=1"], /maxFish/],
      [["serve", "--durability", "maybe"], /--durability maybe/],
      [["serve", "--retention-age", "7"], /--retention-age 7/],
      [["serve", "--dedupe-window", "0s"], /--dedupe-window 0s: must be from 1s to 30d/],
      [["serve", "--dedupe-window", "31d"], /--dedupe-window 31d: must be from 1s to 30d/],
      [["serve", "--types", "/nowhere.proto"], /--types \/nowhere\.proto/],
    ];
    for (const [args, text] of wrong) {
      const { code, stderr } = await run(args);
      assert.equal(code, 2, args.join(" "));
      assert.match(stderr, text);
    }
  });

  it("has help for each command, and says its version", async () => {
    for (const command of ["serve", "send", "listen", "history", "rooms", "admin"]) {
      const { code, stdout } = await run([command, "--help"]);
      assert.equal(code, 0);
      assert.match(stdout, new RegExp(`^Usage: confab ${command}[\\s\\S]*Exit codes:`));
    }
    assert.match((await run(["--version"])).stdout, /^\d+\.\d+\.\d+\n$/);
  });
});

describe("confab serve", () => {
  it("says in one line which option to change when it cannot start", async () => {
    const server = await startConfabServe();
    try {
      const folder = await mkdtemp(join(tmpdir(), "confab-cli-test-"));
      const taken = await run(["serve", "--port", String(server.port), "--data", folder]);
      assert.deepEqual([taken.code, taken.stderr], [1, `confab: --port ${server.port}: in use on 127.0.0.1 already\n`]);
      const locked = await run(["serve", "--port", "0", "--data", server.dataDir]);
      assert.deepEqual([locked.code, lines(locked.stderr).length], [1, 1]);
      assert.match(locked.stderr, /^confab: --data /);
      await rm(folder, { recursive: true, force: true });
    } finally {
      await server.stop();
    }
  });
});
