import assert from "node:assert/strict";
import { once } from "node:events";
import { get } from "node:http";
import { connect } from "node:net";
import { after, before, describe, it } from "node:test";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { type Outcome, overWebSocket } from "../parity/raw-clients.js";
import { newTestKey } from "./testing/tokens.js";
import { type Shown, webSocketUrl } from "./testing/ways.js";

// Where a token may stand, and where it may not.

const key = newTestKey();
let server: ServerProcess;
let open: ServerProcess;
let token: string;
before(async () => {
  token = await key.token();
  const auth = { keyFiles: [key.file] };
  server = await startServerProcess({ flags: { auth, allowedOrigins: ["https://chat.example", "*", "null"] } });
  open = await startServerProcess({ flags: { auth: { ...auth, isInUrlTaken: true, cookie: "" } } });
});
after(async () => {
  await server.stop();
  await open.stop();
  key.remove();
});

async function rest(url: string, shown: Shown, query = ""): Promise<Outcome> {
  const response = await fetch(`${url}/v1/rooms${query}`, { headers: shown });
  return response.ok ? "done" : ((await response.json()) as { error: { code: string } }).error.code;
}

/** The first word of a connection: the `ack` of its message, or why it was refused. */
function webSocket(url: string, protocols: string[], shown: Shown = {}): Promise<Outcome> {
  const isPlain = protocols.some((name) => name.endsWith("plain"));
  const message = { user: "ann", text: "hi" };
  const frame = Buffer.from(JSON.stringify(isPlain ? message : { request: 1, send: message }));
  const outcome = (data: Buffer) => {
    const answer = JSON.parse(data.toString()) as { error?: { code: string }; ack?: object; text?: string };
    return answer.error?.code ?? (answer.ack || answer.text ? "done" : undefined);
  };
  return overWebSocket(webSocketUrl(url), protocols, frame, true, outcome, shown);
}

describe("a token", () => {
  it("may stand in the authorization header, whatever the case of its scheme", async () => {
    for (const scheme of ["Bearer", "bearer", "BEARER", "Bearer  "])
      assert.equal(await rest(server.url, { authorization: `${scheme} ${token}` }), "done");
    for (const value of [token, "Bearer", "Bearer ", `Bearer ${token} ${token}`, `Bearer ${token}, Bearer ${token}`])
      assert.equal(await rest(server.url, { authorization: value }), "UNAUTHENTICATED", value);
  });

  it("may be one of a WebSocket's subprotocols, and is not the one that is chosen", async () => {
    for (const form of ["confab.v1.json", "confab.v1.plain"])
      for (const protocols of [
        [form, `confab.token.${token}`],
        [`confab.token.${token}`, form],
      ])
        assert.equal(await webSocket(server.url, protocols), "done");
    assert.equal(await webSocket(server.url, ["confab.v1.json", "confab.token.x"]), "UNAUTHENTICATED");
    assert.equal(await webSocket(server.url, ["confab.v1.json"]), "UNAUTHENTICATED");
    assert.equal(await webSocket(server.url, [`confab.token.${token}`]), "UNSUPPORTED_SUBPROTOCOL");
  });

  it("is not repeated by the error about subprotocols", async () => {
    const response = await fetch(`${server.url}/chat`, {
      headers: { "sec-websocket-protocol": `confab.token.${token}` },
    });
    assert.ok(!(await response.text()).includes(token.slice(-20)));
  });

  it("may stand in a cookie, for requests of pages that are trusted and of no page", async () => {
    const cookie = `a=b; confab_token=${token}; c=d`;
    assert.equal(await rest(server.url, { cookie }), "done");
    assert.equal(await rest(server.url, { cookie, origin: "https://chat.example" }), "done");
    assert.equal(await rest(server.url, { cookie, origin: server.url }), "done");
    assert.equal(await rest(server.url, { cookie: `xconfab_token=${token}` }), "UNAUTHENTICATED");
    assert.equal(await rest(open.url, { cookie }), "UNAUTHENTICATED", "the server takes no cookie");
  });

  it("in a cookie is not used for pages that are allowed only since all are", async () => {
    const cookie = `confab_token=${token}`;
    for (const origin of ["https://evil.example", "null", "http://localhost:3000", "http://[::1]:9"]) {
      assert.equal(await rest(server.url, { cookie, origin }), "UNAUTHENTICATED");
      assert.equal(await webSocket(server.url, ["confab.v1.json"], { cookie, origin }), "UNAUTHENTICATED");
      const { headers } = await fetch(`${server.url}/v1/rooms`, { headers: { cookie, origin } });
      assert.deepEqual(
        ["access-control-allow-origin", "access-control-allow-credentials"].map((name) => headers.get(name)),
        [origin, null],
      );
    }
    const { headers } = await fetch(`${server.url}/v1/rooms`, { headers: { cookie, origin: "https://chat.example" } });
    assert.equal(headers.get("access-control-allow-credentials"), "true");
  });

  it("in a cookie is not used for what a page of another site embeds", async () => {
    const ask = async (site: string | undefined) => {
      const headers = { cookie: `confab_token=${token}`, ...(site !== undefined && { "sec-fetch-site": site }) };
      const [{ statusCode }] = await once(get(`${server.url}/v1/rooms`, { headers }), "response");
      return statusCode;
    };
    const asked = [undefined, "none", "same-origin", "same-site", "cross-site", "CROSS-SITE", ""];
    assert.deepEqual(await Promise.all(asked.map(ask)), [200, 200, 200, 401, 401, 401, 401]);
  });

  it("in two authorization headers is refused, whichever is good", async () => {
    for (const [first, second] of [
      [token, "x"],
      ["x", token],
      [token, token],
    ]) {
      const head = `GET /v1/rooms HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${first}\r\nauthorization: Bearer ${second}\r\n\r\n`;
      const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
      socket.write(head);
      const [answer] = (await once(socket, "data")) as [Buffer];
      socket.destroy();
      assert.match(answer.toString(), /^HTTP\/1.1 (400|401) /);
    }
  });

  it("in the URL is refused unless that is switched on", async () => {
    const query = `?limit=1&access_token=${token}`;
    assert.equal(await rest(server.url, {}, query), "UNAUTHENTICATED");
    assert.equal(await rest(open.url, {}, query), "done");
    const headers = { authorization: `Bearer ${token}` };
    assert.equal(await rest(server.url, headers, "?access_token=x"), "done", "the header counts before the URL");
  });
});

describe("a server that asks for a token", () => {
  it("answers probes, reflection and its documents without one", async () => {
    for (const path of ["/healthz", "/readyz", "/openapi.json", "/asyncapi.json"])
      assert.equal((await fetch(server.url + path)).status, 200, path);
    const health = await fetch(`${server.url}/grpc.health.v1.Health/Check`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    assert.equal(health.status, 200);
  });

  it("names the scheme that it asks for", async () => {
    const { status, headers } = await fetch(`${server.url}/v1/rooms`);
    assert.deepEqual([status, headers.get("www-authenticate")], [401, "Bearer"]);
  });
});
