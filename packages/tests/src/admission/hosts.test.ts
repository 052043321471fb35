import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type ServerProcess, startConfabServe } from "../fixture/server-process.js";
import { askHttp1, requestKinds } from "./testing/requests.js";

// A page of evil.example that has its name resolve to 127.0.0.1 reads what the user's own server says, as if it came from
// evil.example: the browser sends no Origin with a GET of the page's "own" host, and asks for no permission.

describe("a host that is not this server's", () => {
  let server: ServerProcess;
  before(async () => {
    server = await startConfabServe(["--allow-host", "chat.example", "--allow-host", "*.apps.example"]);
  });
  after(() => server.stop());

  for (const { name, refusalStatus, ask } of requestKinds) {
    it(`is refused in its protocol's own form, and the names of this server are not: ${name}`, async () => {
      const refused = [refusalStatus === 200 ? 200 : 421, "UNKNOWN_HOST"];
      for (const host of ["evil.example", `evil.example:${server.port}`, "localhost.evil.example", "apps.example"])
        assert.deepEqual(await ask(server.url, { host }), refused, host);
      for (const host of [`127.0.0.1:${server.port}`, "LOCALHOST", "chat.example", "a.apps.example:443", "[::1]:80"])
        assert.deepEqual(await ask(server.url, { host }), [200, undefined], host);
    });
  }

  it("may ask whether the server lives and is ready, as probes of orchestrators do", async () => {
    for (const path of ["/healthz", "/readyz"]) {
      const { status } = await askHttp1(server.url, { path }, { host: "10.1.2.3:8080" });
      assert.equal(status, 200, path);
    }
  });

  it("is named in the error together with the option, and never allowed by what the page says of itself", async () => {
    const { status, headers, body } = await askHttp1(
      server.url,
      { path: "/v1/rooms" },
      { host: "evil.example", origin: "http://evil.example", "x-forwarded-host": "localhost" },
    );
    assert.equal(status, 421);
    assert.equal(headers["access-control-allow-origin"], undefined);
    assert.match(body.toString(), /evil\.example.*--allow-host/);
  });
});

it("a name that cannot be a host stops the start, and the error names the option", async () => {
  await assert.rejects(
    startConfabServe(["--allow-host", "https://chat.example"]),
    /--allow-host.*https:\/\/chat\.example/,
  );
});
