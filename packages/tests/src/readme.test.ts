import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { delimiter } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { WebSocket } from "ws";
import { type ServerProcess, startConfabServe } from "./fixture/server-process.js";
import { requirePart } from "./optional-parts.js";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../../", import.meta.url));
const readme = readFileSync(`${root}README.md`, "utf8");

/** The README's code blocks of one kind: the words behind the three backticks. */
function blocks(kind: string): string[] {
  return [...readme.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)]
    .filter(([, words]) => words === kind)
    .map(([, , text]) => text ?? "");
}

describe("the README", () => {
  let server: ServerProcess;
  before(async () => {
    server = await startConfabServe();
  });
  after(() => server.stop());

  const shellBlocks = blocks("sh run");
  for (const [index, text] of shellBlocks.entries()) {
    it(`shell snippet ${index + 1} of ${shellBlocks.length} works as it stands`, async (t) => {
      if (text.includes("curl -s") && requirePart(t, "curl") === undefined) return;
      // `npx` would ask whether to install what it does not find; here it must be found.
      const script = text.replaceAll("127.0.0.1:8080", `127.0.0.1:${server.port}`).replaceAll("npx ", "");
      const env = {
        ...process.env,
        CONFAB_URL: server.url,
        PATH: `${root}node_modules/.bin${delimiter}${process.env["PATH"]}`,
      };
      const { stdout } = await run("bash", ["-euo", "pipefail", "-c", script], { cwd: root, env });
      assert.match(stdout, /[0-9]+:[0-9]+|"position"/, "it prints where the message stands");
      assert.doesNotMatch(stdout, /"error"|"code"/);
    });
  }

  it("WebSocket snippet hears its own message", async () => {
    const [text] = blocks("js");
    assert.ok(text);
    const heard = await new Promise<unknown>((resolve) => {
      const script = text.replaceAll("127.0.0.1:8080", `127.0.0.1:${server.port}`);
      const log = (message: unknown) => resolve(message);
      class Tab extends WebSocket {
        constructor(url: string) {
          super(url);
          this.on("message", () => setImmediate(() => this.terminate()));
        }
      }
      new Function("WebSocket", "console", script)(Tab, { log });
    });
    assert.deepEqual(Object(heard).text, "hi from a tab");
  });

  it("names only files that are there", () => {
    for (const [, path = ""] of readme.matchAll(/\]\((?!http)([^)#]+)\)/g))
      assert.ok(existsSync(`${root}${path}`), path);
  });
});
