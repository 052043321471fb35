import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { runProgram } from "./fixture/run-program.js";
import { type ServerProcess, startConfabServe } from "./fixture/server-process.js";

const confab = fileURLToPath(new URL("../../cli/dist/main.js", import.meta.url));

describe("the confab command, with changes of messages", () => {
  let server: ServerProcess;
  before(async () => {
    server = await startConfabServe([]);
  });
  after(() => server.stop());

  const run = (...args: string[]) => runProgram(process.execPath, [confab, ...args, "--url", server.url]);

  /** Its output, without the line break at the end. */
  async function done(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await run(...args);
    assert.deepEqual([code, stderr], [0, ""], args.join(" "));
    return stdout.trimEnd();
  }

  it("edits, deletes, reacts and shows it", async () => {
    const room = "changed";
    const first = await done("send", room, "wild", "--user", "ann");
    const second = await done("send", room, "hi", "--user", "bob");
    const edit = await done("edit", room, first, "mild", "--user", "ann", "--id", "e1");
    assert.equal(await done("edit", room, first, "mild", "--user", "ann", "--id", "e1"), `${edit} duplicate`);
    const given = await done("react", room, first, "👍", "--user", "bob");
    const back = await done("react", room, first, "+1", "--user", "bob", "--remove");
    const deletion = JSON.parse(await done("delete", room, second, "--user", "bob", "--json"));
    assert.equal(deletion.duplicate, false);

    const listen = ["listen", room, "--history", "2", "--changes", "--count", "6"];
    assert.deepEqual((await done(...listen)).replaceAll(/\d\d:\d\d:\d\d/g, "TIME").split("\n"), [
      `${first} TIME ann: wild`,
      `${second} TIME bob (erased)`,
      `${edit} TIME ann edited ${first}: mild`,
      `${given} TIME bob reacted 👍 to ${first}`,
      `${back} TIME bob took back +1 of ${first}`,
      `${deletion.position} TIME bob deleted ${second}`,
    ]);
    const entries = (await done(...listen, "--json")).split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(entries[3].change, { kind: "reaction", emoji: "👍", removed: false, target: first });

    const folded = ["history", room, "--folded"];
    assert.deepEqual((await done(...folded)).replaceAll(/\d\d:\d\d:\d\d/g, "TIME").split("\n"), [
      "TIME ann: mild (edited) [👍 1]",
      "TIME bob (erased)",
    ]);
    const [message] = (await done(...folded, "--json")).split("\n").map((line) => JSON.parse(line));
    assert.deepEqual([message.edited.position, message.reactions[0].users], [edit, ["bob"]]);
    // Without it, what was said stays as it was.
    assert.match(await done("history", room, "--limit", "1", "--before", second), /ann: wild$/);
  });

  it("reads folded pages in both directions", async () => {
    const first = await done("send", "pages", "a", "--user", "ann");
    await done("send", "pages", "b", "--user", "ann");
    await done("edit", "pages", first, "A", "--user", "ann");
    const texts = async (...args: string[]) => (await done("history", "pages", "--folded", ...args)).match(/: .*/g);
    assert.deepEqual(await texts(), [": A (edited)", ": b"]);
    assert.deepEqual(await texts("--after", first), [": b"]);
  });

  it("ends with 1 if the server refuses, 2 if the command line is wrong, and 3 if there is no server", async () => {
    const first = await done("send", "codes", "a", "--user", "ann");
    const [epoch] = first.split(":");
    const refused = await run("react", "codes", `${epoch}:9`, "👍");
    assert.deepEqual([refused.code, refused.stdout], [1, ""]);
    assert.match(refused.stderr, /OUT_OF_RANGE/);
    const wrong = [
      [["edit"], "ROOM is missing"],
      [["delete", "codes"], "POSITION is missing"],
      [["delete", "codes", "9"], "POSITION must be epoch:offset"],
      [["edit", "codes", first], "TEXT is missing"],
      [["react", "codes", first], "EMOJI is missing"],
      [["edit", "codes", first, "x", "--payload", "{}"], '--payload needs an "@type"'],
      [["react", "codes", first, "+1", "more"], "unexpected argument"],
      [["history", "codes", "--folded", "--data", "x"], "--folded and --data exclude each other"],
    ] as const;
    await Promise.all(
      wrong.map(async ([args, complaint]) => {
        const { code, stderr } = await run(...args);
        assert.equal(code, 2, args.join(" "));
        assert.ok(stderr.includes(complaint), stderr);
      }),
    );
    const gone = await runProgram(process.execPath, [confab, "delete", "a", "7:1", "--url", "http://127.0.0.1:1"]);
    assert.equal(gone.code, 3);
  });

  it("says in its help what each takes", async () => {
    for (const name of ["edit", "delete", "react"])
      assert.match(await done(name, "--help"), new RegExp(`^Usage: confab ${name} ROOM POSITION`));
  });
});
