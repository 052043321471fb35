import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { ToolName } from "../bench/targets/tools.js";
import { versionOf } from "../bench/targets/versions.js";

/** Where the version of each tool is pinned, below `tools`, and how the line looks. */
const pins: Readonly<Record<ToolName, readonly [file: string, line: RegExp]>> = {
  nats: ["go-peers/go.mod", /nats-server\/v2 v([\d.]+)/],
  centrifugo: ["go-peers/go.mod", /centrifugo\/v6 v([\d.]+)/],
  "grpc-go": ["go-peers/go.mod", /google\.golang\.org\/grpc v([\d.]+)/],
  bun: ["bun/package.json", /bun-linux-x64": "([\d.]+)"/],
};

/** The peers that `npm run tools` installs. */
export const toolNames = Object.keys(pins) as ToolName[];

/** The version that a peer's lock file names, and the one that its program says; undefined: it is not installed. */
export function versionsOfTool(name: ToolName): {
  readonly pinned: string | undefined;
  readonly said: string | undefined;
} {
  const [file, line] = pins[name];
  const text = readFileSync(fileURLToPath(new URL(`../../../../tools/${file}`, import.meta.url)), "utf8");
  return { pinned: line.exec(text)?.[1], said: versionOf(name) };
}
