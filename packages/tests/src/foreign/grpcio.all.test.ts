import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { protoFolder } from "../fixture/buf.js";
import { type Relay, startRelay } from "../fixture/relay.js";
import { mustRun } from "../fixture/run-program.js";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { tlsOfThisRun } from "../fixture/tls-run.js";
import { findPart, requirePart } from "../optional-parts.js";
import { shownDetails, userIsMissing } from "./status-details.js";

// Python's grpcio, with code that its own protoc makes of the tutorial's chat.proto as it stands. Python starts slowly, so
// one run does everything and the tests read what it saw.

interface Failure {
  readonly code: string;
  readonly details: string;
}

interface Seen {
  readonly order: {
    readonly position: string;
    readonly sent: string[];
    readonly heard: string[];
    readonly end: string;
  };
  readonly many: readonly string[];
  readonly gzip: { readonly sentCharacters: number; readonly isInHistory: boolean };
  readonly invalid: Failure;
  readonly big: Failure;
  readonly unknown: Failure;
  readonly deadline: Failure;
  readonly health: string;
}

const script = fileURLToPath(new URL("../../src/foreign/grpcio-client.py", import.meta.url));
const tutorial = join(protoFolder, "tutorial/chat.proto");

let server: ServerProcess | undefined;
let relay: Relay | undefined;
let seen: Seen | undefined;

before(async () => {
  const python = findPart("grpcio");
  if (python === undefined) return;
  server = await startServerProcess();
  relay = await startRelay(server.port);
  const folder = await mkdtemp(join(tmpdir(), "confab-grpcio-"));
  try {
    const outputs = [`--python_out=${folder}`, `--grpc_python_out=${folder}`];
    await mustRun(python, ["-m", "grpc_tools.protoc", `-I${dirname(tutorial)}`, ...outputs, tutorial]);
    const addresses = [`127.0.0.1:${server.port}`, `127.0.0.1:${relay.port}`];
    const { certFile } = tlsOfThisRun() ?? {};
    const authority = certFile === undefined ? [] : [certFile];
    seen = JSON.parse(await mustRun(python, [script, ...addresses, folder, ...authority])) as Seen;
  } finally {
    await rm(folder, { recursive: true });
  }
});

after(async () => {
  await relay?.close();
  await server?.stop();
});

/** A test of what grpcio saw, skipped where there is no grpcio. */
function seenTest(name: string, check: (seen: Seen) => void): void {
  test(name, (t: TestContext) => {
    if (requirePart(t, "grpcio") === undefined) return;
    assert.ok(seen);
    check(seen);
  });
}

seenTest("grpcio hears what it sends, in order, from a position it is told", ({ order }) => {
  // One message was sent before: the compressed one.
  assert.match(order.position, /^[1-9][0-9]*:1$/);
  assert.equal(order.sent.length, 50);
  assert.deepEqual(order.heard, order.sent);
  assert.equal(order.end, "CANCELLED");
});

seenTest("grpcio has two hundred calls answered at once", ({ many }) => {
  assert.deepEqual(many, Array(200).fill("OK"));
});

seenTest("grpcio is told which field of a message is wrong", ({ invalid }) => {
  assert.equal(invalid.code, "INVALID_ARGUMENT");
  assert.deepEqual(shownDetails(invalid.details), userIsMissing);
});

seenTest("a message over the limit is RESOURCE_EXHAUSTED for grpcio", ({ big }) => {
  assert.equal(big.code, "RESOURCE_EXHAUSTED");
  assert.equal(shownDetails(big.details).code, "PAYLOAD_TOO_LARGE");
});

seenTest("a method that does not exist is UNIMPLEMENTED for grpcio", ({ unknown }) => {
  assert.equal(unknown.code, "UNIMPLEMENTED");
  assert.equal(shownDetails(unknown.details).code, "UNKNOWN_METHOD");
});

seenTest("a stream of grpcio whose deadline passes ends with DEADLINE_EXCEEDED", ({ deadline }) => {
  assert.equal(deadline.code, "DEADLINE_EXCEEDED");
});

seenTest("grpcio sends and receives gzip", ({ gzip }) => {
  assert.ok(gzip.isInHistory);
  assert.ok(relay && relay.sentBytes < gzip.sentCharacters / 10, `${relay?.sentBytes} bytes were sent`);
  assert.ok(relay.receivedBytes < gzip.sentCharacters / 10, `${relay.receivedBytes} bytes were received`);
});

seenTest("grpcio finds the server healthy", ({ health }) => {
  // HealthCheckResponse { status: SERVING }: field 1, varint 1.
  assert.equal(Buffer.from(health, "base64").toString("hex"), "0801");
});
