import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Http1TestServer, http1TestServer } from "../testing/http1-test-server.js";
import { StaticFiles } from "./static-files.js";

describe("the app's files", () => {
  const folder = mkdtempSync(join(tmpdir(), "confab-static-"));
  let server: Http1TestServer;
  before(async () => {
    mkdirSync(join(folder, "assets"));
    writeFileSync(join(folder, "index.html"), "<p>hi</p>");
    writeFileSync(join(folder, "lab.html"), "<p>lab</p>");
    writeFileSync(join(folder, "assets", "app-1a2b.js"), "1");
    writeFileSync(join(folder, "notes.txt"), "not the app's");
    const files = new StaticFiles(folder);
    server = await http1TestServer((exchange) => {
      if (!files.answer(exchange, exchange.request.target)) exchange.reset();
    });
  });
  after(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });

  const get = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${server.port}${path}`, init);

  it("are served by their path, the index at the root", async () => {
    for (const path of ["/", "/index.html"]) {
      const response = await get(path);
      assert.equal(await response.text(), "<p>hi</p>");
      assert.match(response.headers.get("content-type") ?? "", /^text\/html/);
      assert.equal(response.headers.get("cache-control"), "no-cache");
    }
    assert.match((await get("/assets/app-1a2b.js")).headers.get("cache-control") ?? "", /immutable/);
  });

  it("are pages at their names without .html too", async () => {
    for (const path of ["/lab", "/lab.html"]) assert.equal(await (await get(path)).text(), "<p>lab</p>");
  });

  it("may load, send and be shown nowhere but here", async () => {
    for (const path of ["/", "/lab", "/assets/app-1a2b.js"]) {
      const { headers } = await get(path);
      const policy = new Map(
        (headers.get("content-security-policy") ?? "").split("; ").map((directive) => {
          const [name = "", ...sources] = directive.split(" ");
          return [name, sources.join(" ")];
        }),
      );
      assert.equal(policy.get("default-src"), "'none'");
      for (const name of ["base-uri", "form-action", "frame-ancestors"]) assert.equal(policy.get(name), "'none'", name);
      assert.equal(policy.get("connect-src"), "'self'");
      for (const [name, sources] of policy) assert.match(sources, /^'(none|self)'$/, name);
      assert.equal(headers.get("x-content-type-options"), "nosniff");
      assert.equal(headers.get("referrer-policy"), "no-referrer");
    }
  });

  it("answer other verbs with those that they have", async () => {
    const response = await get("/lab", { method: "POST" });
    assert.deepEqual([response.status, response.headers.get("allow")], [405, "GET, HEAD"]);
  });

  it("answer HEAD without a body", async () => {
    const response = await get("/", { method: "HEAD" });
    assert.equal(response.headers.get("content-length") !== null, true);
    assert.equal(await response.text(), "");
  });

  for (const path of ["/notes.txt", "/../package.json", "/assets", "/index", "/nothing.js"]) {
    it(`do not include ${path}`, async () => {
      await assert.rejects(get(path));
    });
  }
});
