import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { TargetName } from "../options.js";
import { findProgram } from "./programs.js";
import { findTool } from "./tools.js";

const packages: { readonly [name in TargetName]?: string } = {
  ws: "ws",
  "grpc-js": "@grpc/grpc-js",
  "connect-node": "@connectrpc/connect-node",
  "socket-io": "socket.io",
};

/** How a program says its version, and where in what it says. */
const programs = {
  nchan: { find: () => findProgram("nginx"), args: ["-v"], pattern: /nginx\/([\d.]+)/ },
  mosquitto: { find: () => findProgram("mosquitto"), args: ["-h"], pattern: /version ([\d.]+)/ },
  nats: { find: () => findTool("nats") ?? findProgram("nats-server"), args: ["--version"], pattern: /v([\d.]+)/ },
  // It knows its version only as its own project builds it, so Go is asked what the program was built from.
  centrifugo: {
    find: () => findProgram("go"),
    args: ["version", "-m", findTool("centrifugo") ?? ""],
    pattern: /centrifugo\/v6\s+v([\d.]+)/,
  },
  bun: { find: () => findTool("bun"), args: ["--version"], pattern: /([\d.]+)/ },
  "grpc-go": { find: () => findTool("grpc-go"), args: ["--version"], pattern: /([\d.]+)/ },
} as const;

/** The version of a server under test; `undefined` for what is Confab's own, and for what tells none. */
export function versionOf(target: TargetName): string | undefined {
  if (target in programs) {
    const { find, args, pattern } = programs[target as keyof typeof programs];
    const path = find();
    if (path === undefined) return undefined;
    const { stdout, stderr } = spawnSync(path, args, { encoding: "utf8", timeout: 5_000 });
    const version = pattern.exec(`${stdout}${stderr}`)?.[1];
    // The module tells no version of its own.
    return version && (target === "nchan" ? `in nginx ${version}` : version);
  }
  const name = packages[target];
  return name && packageVersion(name);
}

/** Not every package exports its `package.json`, so it is looked for beside what it does export. */
function packageVersion(name: string): string | undefined {
  let folder = dirname(createRequire(import.meta.url).resolve(name));
  for (; folder !== dirname(folder); folder = dirname(folder)) {
    const file = join(folder, "package.json");
    if (!existsSync(file)) continue;
    const { name: found, version } = JSON.parse(readFileSync(file, "utf8")) as { name?: string; version?: string };
    if (found === name) return version;
  }
  return undefined;
}
