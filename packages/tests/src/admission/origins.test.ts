import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type ServerProcess, startConfabServe } from "../fixture/server-process.js";
import { askHttp1, type Names, requestKinds } from "./testing/requests.js";

// A proxy on this machine that has the certificate, as nginx with `proxy_pass http://127.0.0.1:8080` and the two headers
// below: the browser's origin is https://chat.example, and the request that arrives here is for 127.0.0.1.

const forwarded = { "x-forwarded-host": "chat.example", "x-forwarded-proto": "https" };

function named({ port }: ServerProcess, origin: string, headers: Readonly<Record<string, string>> = {}): Names {
  return { host: `127.0.0.1:${port}`, origin, ...headers };
}

describe("the server's own page behind a proxy that has the certificate", () => {
  let untrusting: ServerProcess;
  let trusting: ServerProcess;
  before(async () => {
    [untrusting, trusting] = await Promise.all([
      startConfabServe(),
      startConfabServe(["--trust-proxy", "loopback", "--allow-anyone"]),
    ]);
  });
  after(() => Promise.all([untrusting.stop(), trusting.stop()]));

  for (const { name, refusalStatus, ask } of requestKinds) {
    it(`may use the server if the proxy is trusted, and else gets 403: ${name}`, async () => {
      const refused = [refusalStatus === 200 ? 200 : 403, "PERMISSION_DENIED"];
      const own = "https://chat.example";
      assert.deepEqual(await ask(trusting.url, named(trusting, own, forwarded)), [200, undefined]);
      assert.deepEqual(await ask(untrusting.url, named(untrusting, own, forwarded)), refused, "not trusted");
      assert.deepEqual(await ask(trusting.url, named(trusting, own)), refused, "a proxy that does not say");
      for (const foreign of ["https://evil.example", "http://chat.example", "http://localhost:3000", "null"])
        assert.deepEqual(await ask(trusting.url, named(trusting, foreign, forwarded)), refused, foreign);
    });
  }

  it("is told which options would let it in", async () => {
    const names = named(untrusting, "https://chat.example", forwarded);
    const { body } = await askHttp1(untrusting.url, { path: "/v1/rooms" }, names);
    assert.match(body.toString(), /--allow-origin.*X-Forwarded-Host.*X-Forwarded-Proto.*--trust-proxy/);
  });
});

it("a proxy that passes the browser's Host on needs the name to be allowed, and nothing else", async () => {
  const server = await startConfabServe(["--allow-host", "chat.example"]);
  try {
    for (const { name, ask } of requestKinds) {
      const names = { host: "chat.example", origin: "https://chat.example" };
      assert.deepEqual(await ask(server.url, names), [200, undefined], name);
    }
  } finally {
    await server.stop();
  }
});

it("pages below an allowed suffix may use the server, and may read its answers", async () => {
  const server = await startConfabServe(["--allow-origin", "https://*.apps.example"]);
  try {
    for (const [origin, expected] of [
      ["https://a.apps.example", 200],
      ["https://apps.example", 403],
      ["https://a.apps.example.evil", 403],
    ] as const) {
      const { status, headers } = await askHttp1(server.url, { path: "/v1/rooms" }, named(server, origin));
      assert.deepEqual(
        [status, headers["access-control-allow-origin"]],
        [expected, expected === 200 ? origin : undefined],
      );
    }
  } finally {
    await server.stop();
  }
});

for (const [option, value] of [
  ["--allow-origin", "https://chat.example/app"],
  ["--allow-origin", "chat.example"],
  ["--trust-proxy", "everyone"],
] as const) {
  it(`${option} ${value} stops the start, and the error names the option`, async () => {
    await assert.rejects(startConfabServe([option, value]), new RegExp(`${option}.*${value}`));
  });
}
