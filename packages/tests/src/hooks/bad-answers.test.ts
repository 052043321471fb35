import assert from "node:assert/strict";
import { createServer, type ServerResponse } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Stream } from "node:http2";
import { describe, it } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { enveloped } from "@confab/contract";
import { OnSendResponseSchema } from "@confab/contract/gen/confab/v1/hook_pb";
import { remoteHooks } from "@confab/server/hooks";
import { listening, secret } from "./testing/forms.js";
import { hookedServer } from "./testing/hooked-server.js";

// A service of hooks that answers badly, in each form over the network: the hook fails, the log says why, and nothing is stored.

interface BadService {
  readonly what: string;
  /** What the log says of it. */
  readonly reason: RegExp;
}

interface BadHttp extends BadService {
  readonly answer: (response: ServerResponse) => void;
}

interface BadGrpc extends BadService {
  readonly answer: (stream: ServerHttp2Stream) => void;
}

const good = toBinary(OnSendResponseSchema, create(OnSendResponseSchema));
const tooMuch = Buffer.alloc(1_048_577, " ");

const badOfBoth: readonly BadHttp[] = [
  {
    what: "a status of 500",
    reason: /HTTP status 500: a bug/,
    answer: (response) => {
      response.statusCode = 500;
      response.end("a bug");
    },
  },
  {
    what: "a redirection",
    reason: /fetch failed|redirect/,
    answer: (response) => {
      // There the answer would be a good one, which has no bytes in both forms.
      if (response.req.url === "/elsewhere") response.setHeader("content-type", "application/proto").end();
      else response.writeHead(303, { location: "/elsewhere" }).end();
    },
  },
  {
    what: "a connection that ends in the middle",
    reason: /fetch failed|terminated|other side closed/,
    answer: (response) => {
      response.writeHead(200, { "content-length": "100", "content-type": "application/proto" });
      response.write("{");
      setImmediate(() => response.destroy());
    },
  },
  {
    what: "an answer that is too large",
    reason: /larger than 1048576 bytes/,
    answer: (response) => {
      response.writeHead(200, { "content-type": "application/proto" });
      response.end(tooMuch);
    },
  },
];

const badConnect: readonly BadHttp[] = [
  ...badOfBoth,
  {
    what: "another content type",
    reason: /content type "text\/html"/,
    answer: (response) => {
      response.writeHead(200, { "content-type": "text/html" });
      response.end("<html>");
    },
  },
  {
    what: "bytes that are not a message",
    reason: /a hook failed/,
    answer: (response) => {
      response.writeHead(200, { "content-type": "application/proto" });
      response.end(Buffer.from([0x0a, 0xff, 0x01]));
    },
  },
];

const badJson: readonly BadHttp[] = [
  ...badOfBoth,
  { what: "broken JSON", reason: /is not a OnSendResponse in JSON/, answer: (response) => void response.end("{") },
  { what: "a list", reason: /is not a OnSendResponse in JSON/, answer: (response) => void response.end("[]") },
  {
    what: "a field that it does not have",
    reason: /is not a OnSendResponse in JSON/,
    answer: (response) => void response.end('{"text":"hi"}'),
  },
  {
    what: "a value of another type",
    reason: /is not a OnSendResponse in JSON/,
    answer: (response) => void response.end('{"content":{"text":7}}'),
  },
  {
    what: "a message that cannot be stored",
    reason: /cannot be stored/,
    answer: (response) => void response.end('{"content":{"text":""}}'),
  },
];

const badGrpc: readonly BadGrpc[] = [
  {
    what: "a status of gRPC",
    reason: /gRPC status 14: away/,
    answer: (stream) =>
      stream.respond(
        { ":status": 200, "content-type": "application/grpc", "grpc-status": "14", "grpc-message": "away" },
        { endStream: true },
      ),
  },
  {
    what: "a status of HTTP",
    reason: /not of gRPC: HTTP 503/,
    answer: (stream) => answerWith(stream, [], undefined, 503),
  },
  { what: "no message", reason: /has no message/, answer: (stream) => answerWith(stream, [], "0") },
  {
    what: "half a message",
    reason: /has no message/,
    answer: (stream) => answerWith(stream, [Buffer.from([0, 0])], "0"),
  },
  {
    what: "two messages",
    reason: /more than one message/,
    answer: (stream) => answerWith(stream, [enveloped(0, good), enveloped(0, good)], "0"),
  },
  {
    what: "a compressed message",
    reason: /compressed/,
    answer: (stream) => answerWith(stream, [enveloped(1, good)], "0"),
  },
  {
    what: "an answer that is too large",
    reason: /larger than 1048576 bytes/,
    answer: (stream) => answerWith(stream, [enveloped(0, tooMuch)], "0"),
  },
  {
    what: "bytes that are not a message",
    reason: /a hook failed/,
    answer: (stream) => answerWith(stream, [enveloped(0, Buffer.from([0x0a, 0xff, 0x01]))], "0"),
  },
  { what: "an end of the stream", reason: /a hook failed/, answer: (stream) => stream.close(2) },
  { what: "an end of the connection", reason: /a hook failed/, answer: (stream) => stream.session?.destroy() },
];

function answerWith(
  stream: ServerHttp2Stream,
  messages: readonly Uint8Array[],
  status: string | undefined,
  httpStatus = 200,
): void {
  stream.respond({ ":status": httpStatus, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers(status === undefined ? {} : { "grpc-status": status }));
  stream.on("error", () => undefined);
  for (const message of messages) stream.write(message);
  stream.end();
}

/** What a client is told, and what the log says. */
async function outcomeAt(
  t: Parameters<typeof hookedServer>[0],
  target: { readonly url: string; readonly secret?: string },
) {
  const hooks = remoteHooks({ ...target, hooks: ["send"], timeoutMs: 500 });
  const form = { name: "", serve: async () => ({ hooks, close: async () => undefined }) };
  const { url, lines } = await hookedServer(t, form, {});
  const send = async () => {
    const response = await fetch(`${url}/v1/rooms/den/messages`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"user":"ann","text":"hi"}',
    });
    if (response.ok) return "done";
    return ((await response.json()) as { error: { code: string } }).error.code;
  };
  const code = await send();
  const history = await (await fetch(`${url}/v1/rooms/den/messages`)).text();
  assert.ok(!history.includes("hi"));
  return { code, lines: lines.join("\n"), send };
}

describe("a service of hooks", () => {
  for (const [form, bad] of [
    ["connect+http", badConnect],
    ["http", badJson],
  ] as const) {
    for (const { what, reason, answer } of bad) {
      it(`that answers ${form} with ${what} fails`, async (t) => {
        const port = await listening(
          createServer((request, response) => request.resume().on("end", () => answer(response))),
        );
        t.after(port.close);
        const url = `${form}://127.0.0.1:${port.port}/hooks`;
        const { code, lines } = await outcomeAt(t, { url, ...(form === "http" && { secret }) });
        assert.equal(code, "HOOK_FAILED");
        assert.match(lines, reason);
      });
    }
  }

  for (const { what, reason, answer } of badGrpc) {
    it(`that answers gRPC with ${what} fails`, async (t) => {
      const server = createHttp2Server().on("stream", (stream) => {
        // The client gives a bad answer up.
        stream.on("error", () => undefined);
        answer(stream);
      });
      server.on("sessionError", () => undefined);
      const port = await listening(server);
      t.after(port.close);
      const { code, lines } = await outcomeAt(t, { url: `grpc://127.0.0.1:${port.port}` });
      assert.equal(code, "HOOK_FAILED");
      assert.match(lines, reason);
    });
  }

  it("by gRPC whose connection is dead gets another one", async (t) => {
    const sessions: unknown[] = [];
    const server = createHttp2Server().on("stream", (stream) => {
      stream.on("error", () => undefined);
      if (!sessions.includes(stream.session)) sessions.push(stream.session);
      if (sessions.length > 1) answerWith(stream, [enveloped(0, good)], "0");
    });
    const port = await listening(server);
    t.after(port.close);
    const { code, send } = await outcomeAt(t, { url: `grpc://127.0.0.1:${port.port}` });
    assert.equal(code, "HOOK_FAILED");
    assert.equal(await send(), "done");
  });

  for (const form of ["grpc", "connect+http", "http"]) {
    const target = (port: number) => ({ url: `${form}://127.0.0.1:${port}`, ...(form === "http" && { secret }) });

    it(`that is not there fails by ${form}, and is used when it comes`, async (t) => {
      const gone = await listening(createServer());
      await gone.close();
      const { code, lines, send } = await outcomeAt(t, target(gone.port));
      assert.equal(code, "HOOK_FAILED");
      assert.match(lines, /a hook failed/);
      const server =
        form === "grpc"
          ? createHttp2Server().on("stream", (stream) => answerWith(stream, [enveloped(0, good)], "0"))
          : createServer((request, response) => {
              const type = form === "http" ? "application/json" : "application/proto";
              request
                .resume()
                .on("end", () => response.setHeader("content-type", type).end(form === "http" ? "" : good));
            });
      const port = await listening(server, gone.port);
      t.after(port.close);
      assert.equal(await send(), "done");
    });

    it(`that never answers fails by ${form} after its time`, async (t) => {
      const port = await listening(form === "grpc" ? createHttp2Server() : createServer());
      t.after(port.close);
      const { code, lines } = await outcomeAt(t, target(port.port));
      assert.equal(code, "HOOK_FAILED");
      assert.match(lines, /no answer within 500 ms/);
    });
  }
});

for (const [what, options, reason] of [
  ["in plain HTTP without a secret", { url: "http://localhost/" }, /need a secret of 16 characters/],
  ["in plain HTTP with a short secret", { url: "http://localhost/", secret: "short" }, /need a secret/],
  ["by gRPC with a secret", { url: "grpc://localhost:1", secret }, /this is another form/],
  ["on another machine in clear text", { url: "grpc://hooks.example:1" }, /another machine/],
  ["of another name", { url: "grpc://localhost:1", hooks: ["sned"] }, /there is no hook "sned"/],
] as const) {
  it(`hooks ${what} cannot be called`, () => {
    assert.throws(() => remoteHooks({ hooks: ["send"], ...options } as Parameters<typeof remoteHooks>[0]), {
      name: "HookError",
      message: reason,
    });
  });
}
