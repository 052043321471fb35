import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Peers that `npm run tools` installs, as paths below the repository's `tools`. */
const toolPaths = {
  nats: "go-peers/bin/nats-server",
  centrifugo: "go-peers/bin/centrifugo",
  "grpc-go": "go-peers/bin/grpc-go",
  bun: "bun/node_modules/@oven/bun-linux-x64/bin/bun",
} as const;

/** A peer that comes with `npm run tools`. */
export type ToolName = keyof typeof toolPaths;

/** The command that installs a peer. */
export function toolInstall(name: ToolName): string {
  return `npm run tools -- ${toolPaths[name].split("/", 1)[0]}`;
}

/** The path of a peer's program; undefined: it is not installed. */
export function findTool(name: ToolName): string | undefined {
  // From packages/lab/dist/bench/targets.
  const path = fileURLToPath(new URL(`../../../../../tools/${toolPaths[name]}`, import.meta.url));
  return existsSync(path) ? path : undefined;
}
