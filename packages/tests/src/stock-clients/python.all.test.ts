import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { protoFolder, thirdPartyFolder } from "../fixture/buf.js";
import { mustRun } from "../fixture/run-program.js";
import { startServerProcess } from "../fixture/server-process.js";
import { requirePart } from "../optional-parts.js";
import { assertWholeRoom, fillLargeRoom, largeRoom, type ReadNumbers } from "./testing/large-room.js";

const script = fileURLToPath(new URL("../../src/stock-clients/python-client.py", import.meta.url));

test("grpcio, websockets and httpx read a room of 18 MB with their default limits", async (t) => {
  const python = requirePart(t, "python");
  if (python === undefined) return;
  const server = await startServerProcess();
  t.after(() => server.stop());
  await fillLargeRoom(server.url);
  const folder = await mkdtemp(join(tmpdir(), "confab-python-"));
  t.after(() => rm(folder, { recursive: true }));
  const address = `127.0.0.1:${server.port}`;
  const output = await mustRun(python, [
    script,
    address,
    protoFolder,
    thirdPartyFolder,
    folder,
    largeRoom.name,
    `${largeRoom.messages}`,
  ]);
  assertWholeRoom(JSON.parse(output) as ReadNumbers, [
    "grpcio GetHistory",
    "grpcio StreamMessages",
    "grpcio Converse",
    "websockets, JSON frames",
    "websockets, plain",
    "httpx REST",
    "httpx events",
  ]);
});
