import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fromBinary, fromJson, type JsonValue, toBinary, toJson } from "@bufbuild/protobuf";
import { EnvelopeReader, enveloped } from "@confab/contract";
import { AdminService } from "@confab/contract/gen/confab/v1/admin_service_pb";
import { codeFromTrailers, grpcCall } from "../../parity/raw-clients.js";

export interface Answer {
  /** The catalogue's code; empty: it was done. */
  readonly code: string;
  /** As proto3 JSON; empty where `code` is not. */
  readonly reply: Readonly<Record<string, unknown>>;
}

/** Ask one RPC of the AdminService. `rest`: method and path below `/v1/admin/`. `authorization`: instead of the operator's. */
export type Ask = (rpc: string, rest: string, asked: JsonValue, authorization?: string) => Promise<Answer>;

/** A server, as the operator of its data folder sees it. */
export interface Administered {
  readonly url: string;
  readonly dataDir: string;
}

/** The ways to the AdminService, by their names. */
export function adminWays(server: () => Administered): readonly (readonly [name: string, ask: Ask])[] {
  const tokens = new Map<string, string>();
  const shown = async (authorization?: string) => {
    const { dataDir } = server();
    if (!tokens.has(dataDir))
      tokens.set(dataDir, `Bearer ${(await readFile(join(dataDir, "admin-token"), "utf8")).trim()}`);
    return authorization ?? tokens.get(dataDir) ?? "";
  };

  const inJson =
    (place: (rpc: string, rest: string) => string): Ask =>
    async (rpc, rest, asked, authorization) => {
      const [method = "", path] = place(rpc, rest).split(" ");
      const reply = await fetch(server().url + path, {
        method,
        headers: { "content-type": "application/json", authorization: await shown(authorization) },
        ...(method === "POST" && { body: JSON.stringify(asked) }),
      });
      const text = await reply.text();
      const code = /"reason":"([A-Z_]+)"/.exec(text)?.[1] ?? /"code":"([A-Z_]+)"/.exec(text)?.[1] ?? "";
      return reply.ok ? { code: "", reply: JSON.parse(text) as Answer["reply"] } : { code, reply: {} };
    };

  const grpc: Ask = async (rpc, _rest, asked, authorization) => {
    const { messages, trailers } = await grpcCall(
      server().url,
      `/confab.v1.AdminService/${rpc}`,
      "application/grpc+proto",
      enveloped(0, requestOf(rpc, asked)),
      undefined,
      { authorization: await shown(authorization) },
    );
    return answerFrom(rpc, codeFromTrailers(trailers), messages[0]);
  };

  const grpcWeb: Ask = async (rpc, _rest, asked, authorization) => {
    const reply = await fetch(`${server().url}/confab.v1.AdminService/${rpc}`, {
      method: "POST",
      headers: { "content-type": "application/grpc-web+proto", authorization: await shown(authorization) },
      body: new Uint8Array(enveloped(0, requestOf(rpc, asked))),
    });
    const found = { message: undefined as Uint8Array | undefined, trailers: reply.headers as Headers };
    const take = (flags: number, data: Uint8Array) => {
      if (flags & 0x80) found.trailers = new Headers(headerLines(Buffer.from(data).toString()));
      else found.message = data.slice();
    };
    new EnvelopeReader(1_000_000, take, (length) => assert.fail(`${length} bytes`)).push(
      new Uint8Array(await reply.arrayBuffer()),
    );
    const code = codeFromTrailers({
      "grpc-status": found.trailers.get("grpc-status"),
      "grpc-status-details-bin": found.trailers.get("grpc-status-details-bin") ?? undefined,
    });
    return answerFrom(rpc, code, found.message);
  };

  return [
    ["REST", inJson((_rpc, rest) => rest.replace(" ", " /v1/admin/"))],
    ["Connect", inJson((rpc) => `POST /confab.v1.AdminService/${rpc}`)],
    ["gRPC", grpc],
    ["gRPC-Web", grpcWeb],
  ];
}

function rpcOf(name: string) {
  const rpc = AdminService.methods.find((each) => each.name === name);
  assert.ok(rpc, name);
  return rpc;
}

function requestOf(rpc: string, asked: JsonValue): Uint8Array {
  const { input } = rpcOf(rpc);
  return toBinary(input, fromJson(input, asked));
}

function answerFrom(rpc: string, code: string, message: Uint8Array | undefined): Answer {
  if (code !== "stored") return { code, reply: {} };
  const { output } = rpcOf(rpc);
  return { code: "", reply: toJson(output, fromBinary(output, message ?? new Uint8Array())) as Answer["reply"] };
}

function headerLines(text: string): [string, string][] {
  return text
    .split("\r\n")
    .filter((line) => line !== "")
    .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]);
}
