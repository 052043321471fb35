import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { startBrowser } from "../foreign/browser.js";
import { bundledClient } from "../foreign/page-bundle.js";
import { findPart, requirePart } from "../optional-parts.js";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const hosts = ["node-http", "express", "fastify", "hono"];
const transports = ["websocket-proto", "sse", "grpc-web"];

/** Runs in a page of the host: talk in a room, and answer what was received. */
const talk = `async ([bundle, transport]) => {
  const { connect } = await import(bundle);
  const client = connect({ url: location.origin + "/talk", transport });
  try {
    const room = client.room(transport);
    await room.send({ text: "over " + transport });
    for await (const { user, text } of room.messages({ history: 1 })) return [user, text];
  } finally {
    client.close();
  }
}`;

describe("the examples of other servers, in Chromium", { timeout: 300_000 }, () => {
  let folder: string;
  let browser: Browser | undefined;
  let bundle: string;

  before(async () => {
    // As in a separate project: the frameworks and Confab are installed beside the example.
    folder = await mkdtemp(join(tmpdir(), "confab-hosts-"));
    await cp(join(root, "examples/hosts"), folder, { recursive: true });
    const frameworks = findPart("hosts");
    const chromium = findPart("chromium");
    if (frameworks === undefined || chromium === undefined) return;
    await mkdir(join(folder, "node_modules"));
    for (const name of await readdir(frameworks))
      await symlink(join(frameworks, name), join(folder, "node_modules", name));
    await symlink(join(root, "node_modules/@confab"), join(folder, "node_modules/@confab"));
    bundle = `data:text/javascript;base64,${Buffer.from(await bundledClient()).toString("base64")}`;
    browser = await startBrowser(chromium);
  });
  after(async () => {
    await browser?.close();
    await rm(folder, { recursive: true });
  });

  for (const host of hosts) {
    test(`${host}: its own session is who talks, over each transport, and it ends cleanly`, async (t) => {
      if (requirePart(t, "chromium") === undefined || requirePart(t, "hosts") === undefined) return;
      assert.ok(browser);
      const data = await mkdtemp(join(folder, `${host}-`));
      const child = spawn(process.execPath, [join(folder, `${host}.mjs`)], {
        cwd: data,
        env: { ...process.env, PORT: "0" },
        stdio: ["ignore", "pipe", "pipe"],
      });
      t.after(() => child.kill("SIGKILL"));
      const complaints = textOf(child);
      const [url] = (await once(createInterface(child.stdout), "line")) as [string];
      const page = await browser.newPage();
      t.after(() => page.close());
      await page.goto(url);
      assert.equal(await page.textContent("h1"), "Hello, stranger");
      const refused = await fetch(`${url}/talk/v1/rooms`);
      assert.equal(refused.status, 403);
      assert.match(await refused.text(), /log in first/);
      await page.evaluate(
        `fetch("/login", { method: "POST", body: '{"user":"ann"}', headers: { "content-type": "application/json" } })`,
      );
      await page.reload();
      assert.equal(await page.textContent("h1"), "Hello, ann");
      for (const transport of transports) {
        const received = await page.evaluate(`(${talk})(${JSON.stringify([bundle, transport])})`);
        assert.deepEqual(received, ["ann", `over ${transport}`]);
      }
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      assert.deepEqual(await ended, [0, null], complaints());
      assert.equal(complaints(), "");
    });
  }
});

/** What a program has written to its standard error. */
function textOf(child: ChildProcess): () => string {
  let text = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  return () => text;
}
