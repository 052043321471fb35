import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { allWays } from "../auth/testing/ways.js";
import { type ServerProcess, startConfabServe, startServerProcess } from "../fixture/server-process.js";

// Every operation of the contract over every transport, in a room whose rule switches off what it does: refused with one code
// everywhere. The ways ask for room `den`, and their readers for a message of its history.

describe("each operation over each transport, in a room without history, without presence, and that no caller may create", () => {
  let server: ServerProcess;
  before(async () => {
    const rooms = [
      { pattern: "den", history: false, presence: false, create: "none" },
      { pattern: "small-*", maxMessageBytes: 300 },
    ] as const;
    server = await startServerProcess({ flags: { rooms, durability: "os" } });
  });
  after(() => server.stop());

  it("is refused with PERMISSION_DENIED, but for what creates no room: signals, lists and prefixes of rooms, changes of messages and read marks", async () => {
    const outcomes = new Map<string, string[]>();
    for (const { name, ask } of allWays()) {
      const outcome = await ask(server.url, {});
      outcomes.set(outcome, [...(outcomes.get(outcome) ?? []), name]);
    }
    assert.deepEqual([...outcomes.keys()].sort(), ["PERMISSION_DENIED", "done"]);
    const isAllowed =
      /signal|ListRooms|^GET \/v1\/rooms$|(Edit|Delete)Message|^React|messages:(edit|delete|react)|^(edit|delete|react|subscribe_prefix) on|mark/i;
    assert.deepEqual(
      [...outcomes].flatMap(([outcome, names]) =>
        names.filter((name) => isAllowed.test(name) !== (outcome === "done")).map((name) => `${name}: ${outcome}`),
      ),
      [],
    );
  });

  it("a message is refused past the size of its room, and taken in others", async () => {
    const send = async (room: string, text: string) => {
      const response = await fetch(`${server.url}/v1/rooms/${room}/messages`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ user: "ann", text }),
      });
      return [response.status, /maxMessageBytes[^"]*/.exec(await response.text())?.[0]];
    };
    assert.deepEqual(await send("small-a", "x".repeat(200)), [200, undefined]);
    assert.deepEqual(await send("small-a", "x".repeat(300)), [413, "maxMessageBytes of room small-a is 300"]);
    assert.deepEqual(await send("large", "x".repeat(300)), [200, undefined]);
  });
});

describe("confab serve --rooms", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "confab-rules-"));
  });
  after(() => rm(folder, { recursive: true }));

  async function serveWith(rules: string): Promise<ServerProcess> {
    const file = join(folder, "rooms.yaml");
    await writeFile(file, rules);
    return startConfabServe(["--rooms", file]);
  }

  it("takes the rules of a file, with units", async () => {
    const server = await serveWith("- pattern: den\n  history: false\n  retention: { maxAge: 7d, maxBytes: 50MB }\n");
    const status = async (room: string) => (await fetch(`${server.url}/v1/rooms/${room}/messages`)).status;
    assert.deepEqual([await status("den"), await status("lobby")], [403, 200]);
    await server.stop();
  });

  it("names the rule and the field that are wrong", async () => {
    const wrong = "- pattern: den\n- pattern: b*\n  retention: { maxAge: 7 days }\n";
    await assert.rejects(serveWith(wrong), /rooms\[1\]\.retention\.maxAge must be a time such as 90s, 30m, 12h or 7d/);
  });
});

describe("a server with wrong rules", () => {
  it("does not start, and says which rule and field are wrong", async () => {
    const rooms = [{ pattern: "a" }, { pattern: "b", history: 5_000 }];
    await assert.rejects(startServerProcess({ flags: { rooms } }), /ConfigError: rooms\[1\]\.history must be true/);
  });
});
