// The server under test of connectrpc/conformance: it reads what to serve from stdin, says on stdout where it listens, and
// serves until it is ended. Its argument is a file with the descriptors of the suite's service.
import { readFileSync } from "node:fs";
import { fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import { limitsWith, PayloadTypes } from "@confab/contract";
import { interpretedViolations } from "@confab/contract/interpreted-rules";
import { ArrivalTimeouts } from "../../../../server/dist/http/arrival-timeouts.js";
import { listen } from "../../../../server/dist/server/listener.js";
import { unrestricted } from "../../../../server/dist/service/index.js";
import { createRpcHandler } from "../../../../server/dist/transports/rpc/adapter.js";
import { RpcStatusError, Statuses } from "../../../../server/dist/transports/rpc/rpc-error.js";
import { Work } from "../../../../server/dist/work/index.js";
import { conformanceMethods } from "./service.js";

/** connectrpc/conformance/v1/server_compat.proto. */
interface CompatRequest {
  readonly useTls?: boolean;
  readonly messageReceiveLimit?: number;
  /** Base64. */
  readonly serverCreds?: { readonly cert: string; readonly key: string };
}

const [descriptors = ""] = process.argv.slice(2);
const types = PayloadTypes.fromDescriptorSet(readFileSync(descriptors), interpretedViolations);
const schemaOf = (name: string) => {
  const schema = types.registry.getMessage(`connectrpc.conformance.v1.${name}`);
  if (!schema) throw new Error(`${name} is not in ${descriptors}`);
  return schema;
};

const { useTls, messageReceiveLimit, serverCreds } = await readRequest();
const maxMessageBytes = messageReceiveLimit || 16 * 1_048_576;
const limits = limitsWith({});
const report = (error: unknown) => process.stderr.write(`${String(error)}\n`);
const { handle } = createRpcHandler({
  methods: conformanceMethods(types),
  // The suite knows no ErrorInfo of ours.
  statuses: new Statuses(types, () => []),
  maxMessageBytes: () => maxMessageBytes,
  limits,
  unknownMethod: (path) => new RpcStatusError("UNIMPLEMENTED", `${path} is not here`),
  arrivals: new ArrivalTimeouts(limits.requestTimeoutMs),
  report,
});
const pem = (base64: string) => Buffer.from(base64, "base64").toString();
const listener = await listen({
  host: "127.0.0.1",
  port: 0,
  keyPair: useTls && serverCreds ? { cert: pem(serverCreds.cert), key: pem(serverCreds.key) } : undefined,
  limits,
  onExchange: (exchange) => handle(exchange, unrestricted),
  onUpgrade: (_request, socket) => socket.destroy(),
  admits: () => true,
  onConnection: () => undefined,
  onAbuse: (address, reason) => process.stderr.write(`${address}: ${reason}\n`),
  work: new Work(),
  report,
});
const { port = 0 } = listener.address ?? {};
const answer = fromJson(schemaOf("ServerCompatResponse"), {
  host: "127.0.0.1",
  port,
  ...(useTls && serverCreds && { pemCert: serverCreds.cert }),
});
const bytes = toBinary(schemaOf("ServerCompatResponse"), answer);
const size = Buffer.alloc(4);
size.writeUInt32BE(bytes.length);
process.stdout.write(Buffer.concat([size, bytes]));
// The suite closes stdin behind its request, and ends the process by SIGTERM.
process.stdin.resume();

/** A message behind its length, four bytes. */
async function readRequest(): Promise<CompatRequest> {
  let received = Buffer.alloc(0);
  for (;;) {
    if (received.length >= 4 && received.length >= 4 + received.readUInt32BE()) break;
    const chunk: Buffer | null = await new Promise((resolve) => {
      process.stdin.once("data", resolve);
      process.stdin.once("end", () => resolve(null));
    });
    if (chunk === null) throw new Error("stdin ended before the request");
    received = Buffer.concat([received, chunk]);
  }
  const schema = schemaOf("ServerCompatRequest");
  return toJson(schema, fromBinary(schema, received.subarray(4)), { registry: types.registry }) as CompatRequest;
}
