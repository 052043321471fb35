import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { grpcStatus } from "@confab/contract";
import { buf } from "../fixture/buf.js";
import { startProgram } from "../fixture/live-program.js";
import { mustRun, type RunProgramOptions, runProgram } from "../fixture/run-program.js";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";

// `buf curl`, which knows nothing of the contract but what the server's reflection tells it.

let server: ServerProcess;

before(async () => {
  server = await startServerProcess();
});

after(() => server.stop());

const roads = [
  ["--protocol", "grpc", "--http2-prior-knowledge"],
  ["--protocol", "grpcweb"],
  ["--protocol", "grpcweb", "--http2-prior-knowledge"],
  ["--protocol", "connect"],
  ["--protocol", "connect", "--http2-prior-knowledge"],
];

function call(method: string, request: object, args: readonly string[], options?: RunProgramOptions) {
  const url = `${server.url}/confab.v1.ChatService/${method}`;
  return runProgram(buf, ["curl", ...args, "-d", JSON.stringify(request), url], options);
}

/** The exit code by which `buf curl` shows a status. */
function exitCodeOf(status: keyof typeof grpcStatus): number {
  return grpcStatus[status] << 3;
}

for (const [index, road] of roads.entries()) {
  const name = road.join(" ").replaceAll("--", "");

  test(`buf curl sends and reads history: ${name}`, async () => {
    const room = `history-${index}`;
    const sent = await call("SendMessage", { user: "ada", room, text: "hello" }, road);
    assert.equal(sent.code, 0, sent.stderr);
    assert.equal(JSON.parse(sent.stdout).position.offset, "1");
    const history = await call("GetHistory", { room }, road);
    assert.equal(JSON.parse(history.stdout).messages[0].text, "hello");
  });

  test(`buf curl is told which field of a message is wrong: ${name}`, async () => {
    const { code, stderr } = await call("SendMessage", { user: "", text: "who am I" }, road);
    assert.equal(code, exitCodeOf("INVALID_ARGUMENT"));
    const error = JSON.parse(stderr);
    assert.equal(error.code, "invalid_argument");
    assert.deepEqual(
      error.details.map(({ type }: { readonly type: string }) => type),
      ["google.rpc.ErrorInfo", "google.rpc.BadRequest"],
    );
  });

  test(`buf curl hears a room while it is open: ${name}`, async (t) => {
    const room = `stream-${index}`;
    await call("SendMessage", { user: "ada", room, text: "before" }, road);
    const request = JSON.stringify({ name: "bob", room, history: 1 });
    const url = `${server.url}/confab.v1.ChatService/StreamMessages`;
    const reader = startProgram(buf, ["curl", ...road, "-d", request, url]);
    t.after(() => reader.stop());
    await reader.until(/before/);
    await call("SendMessage", { user: "ada", room, text: "first" }, road);
    await call("SendMessage", { user: "ada", room, text: "second" }, road);
    const heard = await reader.until(/second[^}]*\}[^}]*\}/);
    assert.deepEqual(heard.match(/(?<="text": ")\w+/g), ["before", "first", "second"]);
  });

  test(`a stream of buf curl ends at its deadline: ${name}`, async () => {
    const { code, stderr } = await call("StreamMessages", { name: "bob", room: "silence" }, [
      ...road,
      "--timeout",
      "1s",
    ]);
    assert.equal(code, exitCodeOf("DEADLINE_EXCEEDED"), stderr);
  });
}

test("buf curl lists by reflection, of either version, the services and methods there are", async () => {
  for (const version of ["grpc-v1", "grpc-v1alpha"]) {
    const reflection = ["curl", "--http2-prior-knowledge", "--reflect-protocol", version];
    assert.deepEqual((await mustRun(buf, [...reflection, "--list-services", server.url])).trim().split("\n"), [
      "ChatService",
      "confab.v1.AdminService",
      "confab.v1.ChatService",
      "grpc.health.v1.Health",
      "grpc.reflection.v1.ServerReflection",
      "grpc.reflection.v1alpha.ServerReflection",
    ]);
    const methods = (await mustRun(buf, [...reflection, "--list-methods", server.url])).trim().split("\n");
    assert.deepEqual(
      methods.filter((method) => method.startsWith("confab.v1.ChatService/")).map((method) => method.split("/")[1]),
      [
        "Converse",
        "DeleteMessage",
        "EditMessage",
        "GetHistory",
        "ListMembers",
        "ListReadMarks",
        "ListRooms",
        "MarkRead",
        "React",
        "SendMessage",
        "SendMessages",
        "SendSignal",
        "StreamMessages",
      ],
    );
  }
});

test("buf curl calls ChatService without its package, which it knows by reflection", async () => {
  const args = [
    "curl",
    "--protocol",
    "grpc",
    "--http2-prior-knowledge",
    "-d",
    '{"user":"ada","room":"bare","text":"hi"}',
  ];
  const { position } = JSON.parse(await mustRun(buf, [...args, `${server.url}/ChatService/SendMessage`]));
  assert.equal(position.offset, "1");
});

test("buf curl converses: what it asks on one stream is answered before the stream ends", async () => {
  const frames = [1, 2, 3].map((request) => ({ request, send: { user: "ada", room: "converse", text: `${request}` } }));
  const args = ["curl", "--protocol", "grpc", "--http2-prior-knowledge", "-d", "@-"];
  const output = await mustRun(buf, [...args, `${server.url}/confab.v1.ChatService/Converse`], {
    input: frames.map((frame) => JSON.stringify(frame)).join("\n"),
  });
  // It prints one object after the other.
  const answers = JSON.parse(`[${output.trim().replaceAll(/^\}\n\{$/gm, "},{")}]`);
  assert.deepEqual(
    answers.map(({ request, ack }: { readonly request?: number; readonly ack?: { position: { offset: string } } }) => [
      request,
      ack?.position.offset,
    ]),
    [
      [undefined, undefined],
      [1, "1"],
      [2, "2"],
      [3, "3"],
    ],
  );
});

for (const road of roads.filter((each) => each.includes("--http2-prior-knowledge"))) {
  test(`buf curl subscribes on a stream that it half-closes at once, and gets the history: ${road.join(" ")}`, async () => {
    const room = `half-closed-${road[1]}`;
    for (const text of ["one", "two", "three"]) {
      const headers = { "content-type": "application/json" };
      const body = JSON.stringify({ user: "ada", text });
      await fetch(`${server.url}/v1/rooms/${room}/messages`, { method: "POST", headers, body });
    }
    const frame = { request: 1, subscribe: { reader: { room, history: 2 } } };
    const { code, stdout, stderr } = await call("Converse", frame, road);
    assert.equal(code, 0, stderr);
    assert.deepEqual(stdout.match(/(?<="text": ")\w+/g), ["two", "three"]);
  });
}

test("buf curl is told that a method of its own schema does not exist here", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "confab-buf-"));
  t.after(() => rm(folder, { recursive: true }));
  const schema =
    'syntax = "proto3"; package confab.v1; message M {} service ChatService { rpc Nothing(M) returns (M); }';
  await writeFile(join(folder, "nothing.proto"), schema);
  for (const road of roads) {
    const { code, stderr } = await call("Nothing", {}, [...road, "--schema", folder]);
    assert.equal(code, exitCodeOf("UNIMPLEMENTED"), stderr);
  }
});
