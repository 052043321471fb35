import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { fileURLToPath } from "node:url";

const confab = fileURLToPath(new URL("../../../cli/dist/main.js", import.meta.url));

/** Few enough for one client to use up, and more than Node needs to load the modules of the server. */
const maxDescriptors = 400;

// Node closes connections that come when no descriptor is left, without an event: nothing was logged.
it("a server without a file descriptor left says so once, and serves again when connections have ended", {
  skip: process.platform === "win32" && "there is no ulimit",
}, async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "confab-test-"));
  const command = `ulimit -n ${maxDescriptors} && exec "$0" "$@"`;
  const args = ["-c", command, process.execPath, confab, "serve", "--port", "0", "--data", dataDir];
  const child = spawn("sh", args, { stdio: ["ignore", "pipe", "pipe"] });
  const exited = once(child, "exit");
  let printed = "";
  let logged = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    logged += text;
  });
  const until = async (isTrue: () => boolean) => {
    while (!isTrue()) {
      assert.equal(child.exitCode, null, logged);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const sockets: Socket[] = [];
  try {
    await until(() => /http:\/\/127\.0\.0\.1:[0-9]+/.test(printed));
    const url = /http:\/\/127\.0\.0\.1:[0-9]+/.exec(printed)?.[0] ?? "";
    for (let count = 0; count < maxDescriptors + 100; count++) {
      const socket = connect(Number(new URL(url).port), "127.0.0.1");
      socket.on("error", () => undefined);
      // A connection that says nothing is dropped soon: these have begun a request.
      socket.write("GET /healthz HTTP/1.1\r\n");
      sockets.push(socket);
    }
    await until(() => logged.includes("ulimit -n"));
    for (const socket of sockets) socket.destroy();
    await until(() => logged.includes("available again"));
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
    assert.equal(logged.split("ulimit -n").length, 2, logged);
  } finally {
    for (const socket of sockets) socket.destroy();
    child.kill("SIGTERM");
    await exited;
    await rm(dataDir, { recursive: true, force: true });
  }
});
