import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { runProgram } from "../fixture/run-program.js";

const confab = fileURLToPath(new URL("../../../cli/dist/main.js", import.meta.url));

const shopProto = `
syntax = "proto3";
package shop;
message Order { string item = 1; int32 quantity = 2; repeated Line lines = 3; }
message Line { double price = 1; }
`;

describe("confab compare with input that cannot be used", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "confab-compare-input-"));
    await writeFile(join(folder, "shop.proto"), shopProto);
  });
  after(() => rm(folder, { recursive: true }));

  /** The first line of its complaint. It must be wrong usage, and said before anything is measured. */
  async function complaint(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await runProgram(process.execPath, [confab, "compare", ...args], { cwd: folder });
    assert.equal(code, 2, stderr);
    assert.equal(stdout, "");
    return stderr.split("\n")[0] ?? "";
  }
  async function write(name: string, json: unknown): Promise<string> {
    await writeFile(join(folder, name), typeof json === "string" ? json : JSON.stringify(json));
    return name;
  }

  it("an unknown transport is answered with those that are known", async () => {
    const text = await complaint("--transports", "grpc,pigeon");
    assert.match(text, /^confab: --transports: there is no transport "pigeon"; there are grpc, grpc-web, .*, sse$/);
  });

  it("an unknown need is answered with those that are known", async () => {
    assert.match(await complaint("--needs", "speed"), /there is no need "speed"; there are browser, bidi, /);
  });

  it("a sample that does not fit its type is refused with the place", async () => {
    const typed = (file: string) => complaint("--message", file, "--proto", "shop.proto", "--type", "shop.Order");
    assert.match(
      await typed(await write("a.json", { item: "tea", quantity: "many" })),
      /--message a\.json: .*shop\.Order\.quantity/,
    );
    assert.match(
      await typed(await write("b.json", { item: "tea", lines: [{ price: "dear" }] })),
      /b\.json: .*shop\.Line\.price/,
    );
    assert.match(await typed(await write("c.json", { flavour: "mint" })), /c\.json: .*"flavour"/);
  });

  it("a type that the file has not is answered with those that it has", async () => {
    const file = await write("order.json", { item: "tea" });
    const text = await complaint("--message", file, "--proto", "shop.proto", "--type", "shop.Tea");
    assert.match(text, /there is no type shop\.Tea; there are .*shop\.Order/);
  });

  it("a sample without a type that no type can be made for is refused with the place", async () => {
    assert.match(
      await complaint("--message", await write("d.json", { a: { b: [1, "x"] } })),
      /d\.json: a\.b: int32 and string in one list/,
    );
    assert.match(
      await complaint("--message", await write("e.json", { a: { b: null } })),
      /e\.json: a\.b: null has no type/,
    );
    assert.match(await complaint("--message", await write("f.json", [1])), /f\.json: must be a JSON object/);
    assert.match(await complaint("--message", await write("g.json", "{")), /g\.json: /);
    assert.match(await complaint("--message", "absent.json"), /absent\.json: ENOENT/);
  });

  // JSON.parse has no word for what it changes: these were measured with another content than the file's.
  it("a sample that would not be sent as it is written is refused with the place", async () => {
    const large = await write("h.json", '{"lines":[{"id":9007199254740993}]}');
    const advice = /h\.json: lines\[0\]\.id: 9007199254740993 would be sent as 9007199254740992: .*as a string/;
    assert.match(await complaint("--message", large), advice);
    assert.match(await complaint("--message", await write("i.json", '{"a":1,"a":2}')), /i\.json: a: stands twice/);
    // Two fields of this type are one in generated code.
    await writeFile(join(folder, "twin.proto"), 'syntax="proto3"; message T { int32 foo_bar = 1; int32 fooBar = 2; }');
    const twins = await write("j.json", { foo_bar: 1, fooBar: 2 });
    assert.match(
      await complaint("--message", twins, "--proto", "twin.proto", "--type", "T"),
      /j\.json: as Protobuf, foo_bar: 1 comes back as 2/,
    );
  });

  // It was accepted, and then every part of the comparison failed.
  it("a message that breaks the contract is refused in the contract's words", async () => {
    const user = await write("k.json", { user: "x".repeat(65), text: "hi" });
    assert.match(await complaint("--message", user), /k\.json: user: must be at most 64 characters/);
    const empty = await write("l.json", { user: "ann", text: "" });
    assert.match(await complaint("--message", empty), /l\.json: text or payload is required/);
    await writeFile(
      join(folder, "rule.proto"),
      'syntax="proto3"; import "buf/validate/validate.proto"; message R { string a = 1 [(buf.validate.field).string.max_len = 2]; }',
    );
    const ruled = ["--proto", "rule.proto", "--type", "R"];
    assert.match(
      await complaint("--message", await write("m.json", { a: "abc" }), ...ruled),
      /m\.json: payload\.a: must be at most 2 characters/,
    );
  });

  it("a name that JSON needs for itself is refused", async () => {
    assert.match(await complaint("--message", await write("n.json", { "@type": "x" })), /n\.json: "@type" is where/);
  });

  it("a message over the limit is refused with its size and the limit's name", async () => {
    const file = await write("long.json", { user: "ann", text: "x".repeat(70_000) });
    assert.match(await complaint("--message", file), /long\.json: 700\d\d bytes as Protobuf; maxMessageBytes is 65536/);
    const huge = await write("huge.json", `{"a":1${" ".repeat(2_000_000)}}`);
    assert.match(await complaint("--message", huge), /huge\.json: 2000007 bytes; maxMessageBytes is 65536/);
  });

  it("--proto without --type, or without a sample, is half a wish", async () => {
    assert.match(await complaint("--proto", "shop.proto"), /--proto and --type belong together/);
    assert.match(await complaint("--proto", "shop.proto", "--type", "shop.Order"), /--proto needs --message FILE/);
  });

  it("a report that cannot be written is refused before it is measured", async () => {
    assert.match(await complaint("--html", "no/such/folder.html"), /--html no\/such\/folder\.html: ENOENT/);
  });
});
