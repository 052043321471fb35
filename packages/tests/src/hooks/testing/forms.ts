import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createHttp2Server, type Http2Server } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { text } from "node:stream/consumers";
import { create, type DescMethodUnary, fromJson, type JsonValue, toJson } from "@bufbuild/protobuf";
import { HookService } from "@confab/contract/gen/confab/v1/hook_pb";
import type { Hooks } from "@confab/server";
import { type HookName, type HookOptions, remoteHooks } from "@confab/server/hooks";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { serviceOf } from "./hook-service.js";

/** The team's own code in one of the forms that the server can call. */
export interface HookForm {
  readonly name: string;
  /** Let the server call these functions in this form. */
  serve(hooks: Hooks): Promise<ServedHooks>;
}

export interface ServedHooks {
  /** For the server's configuration. */
  readonly hooks: Hooks;
  close(): Promise<void>;
}

export const inProcess: HookForm = {
  name: "in process",
  serve: async (hooks) => ({ hooks, close: async () => undefined }),
};

export const byGrpc: HookForm = {
  name: "by gRPC",
  serve: async (hooks) => {
    const { port, close } = await grpcService(hooks);
    return { hooks: remote(hooks, { url: `grpc://127.0.0.1:${port}` }), close };
  },
};

export const byConnect: HookForm = {
  name: "by Connect",
  serve: async (hooks) => {
    const port = await listening(createServer(adapterFor(hooks) as RequestListener));
    return { hooks: remote(hooks, { url: `connect+http://127.0.0.1:${port.port}` }), close: port.close };
  },
};

export const byPlainHttp: HookForm = {
  name: "by plain HTTP",
  serve: async (hooks) => {
    const port = await listening(createServer((request, response) => void answerJson(hooks, request, response)));
    return { hooks: remote(hooks, { url: `http://127.0.0.1:${port.port}/hooks`, secret }), close: port.close };
  },
};

export const secret = "a secret of the test's own";

/** Serves hooks by gRPC. */
export function grpcService(hooks: Hooks): Promise<Listening> {
  return listening(createHttp2Server(adapterFor(hooks)));
}

/** The same hooks, called at a URL. */
export function remote(hooks: Hooks, target: { readonly url: string; readonly secret?: string }): Hooks {
  const named = Object.entries(hooks).map(([name, hook]) => {
    const { run: _, ...settings } = (typeof hook === "function" ? { run: hook } : hook) as HookOptions<never, never>;
    return remoteHooks({ ...target, ...settings, hooks: [name as HookName] });
  });
  return Object.assign({}, ...named) as Hooks;
}

/** Serves by gRPC and Connect. */
function adapterFor(hooks: Hooks) {
  return connectNodeAdapter({ routes: (router) => void router.service(HookService, serviceOf(hooks)) });
}

/** Serves by plain HTTP, as docs/hooks.md says. */
async function answerJson(hooks: Hooks, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await text(request);
  try {
    const signature = String(request.headers["confab-signature"]);
    const [, seconds = "", given] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(signature) ?? [];
    const expected = createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex");
    if (given !== expected || Math.abs(Date.now() / 1_000 - Number(seconds)) > 300) throw new Error("not signed");
    const { hook, event } = JSON.parse(body) as { hook: string; event: JsonValue };
    const rpc = HookService.methods.find(({ name }) => name.toLowerCase() === `on${hook}`) as DescMethodUnary;
    const run = serviceOf(hooks)[rpc.localName as "onSend"];
    const reply = await run(fromJson(rpc.input, event) as never);
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(toJson(rpc.output, create(rpc.output, reply))));
  } catch {
    // As a program that fails would: the test sees that the hook failed.
    response.statusCode = 500;
    response.end("a bug");
  }
}

interface Listening {
  readonly port: number;
  close(): Promise<void>;
}

/** Listens on a port of this machine, if none is given on any. `close` ends what is connected. */
export async function listening(server: Server | Http2Server, wanted = 0): Promise<Listening> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(wanted, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return { port, close };
}
