import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { nchanPaths } from "../load/wires/nchan.js";
import { findTool, toolInstall } from "./tools.js";

/** Where Debian keeps servers, which is not on every user's PATH. */
const serverFolders = ["/usr/local/sbin", "/usr/sbin"] as const;

/** The path of a program of this machine; undefined: it is not installed, or not ours to run. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter), ...serverFolders];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // Not there, or not ours to run: the next folder may have it.
    return false;
  }
}

const nchanModules = ["/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/usr/local/nginx/modules"].map((folder) =>
  join(folder, "ngx_nchan_module.so"),
);

interface ConfigPlaces {
  readonly port: number;
  /** For everything that it writes. */
  readonly folder: string;
  /** Whoever runs the bench. */
  readonly user: string;
  /** How many messages it is to keep for those who come back or read from the beginning; 0: it is not asked to. */
  readonly keptMessages: number;
}

/** What Nchan keeps without being asked to. */
const fewestKept = 1_000;

/** A peer that is a program of the machine and not an npm package. */
export interface PeerProgram {
  /** The command that installs it. */
  readonly install: string;
  /** Undefined: it is not installed. */
  command(configFile: string): readonly string[] | undefined;
  /** Its configuration: one port of the loopback, no log, no limit that the job would meet, all else as it comes. */
  config(at: ConfigPlaces): string;
}

/** Nchan: publish and subscribe within nginx, both over WebSocket, text as it was sent. */
const nchan: PeerProgram = {
  install: "apt-get install libnginx-mod-nchan",
  command: (configFile) => {
    const nginx = findProgram("nginx");
    return nginx && nchanModules.some(existsSync) ? [nginx, "-c", configFile] : undefined;
  },
  // One process, so that the pid which is measured is the one that works, and nothing stays when it is killed.
  config: ({ port, folder, keptMessages }) => `
load_module ${nchanModules.find(existsSync)};
daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr error;
worker_rlimit_nofile 65536;
events { worker_connections 20000; }
http {
  access_log off;
  tcp_nodelay on;
${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `  ${name}_temp_path ${folder}/${name};`).join("\n")}
  nchan_shared_memory_size 256M;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location = ${nchanPaths.chat} {
      nchan_pubsub websocket;
      nchan_channel_id bench;
      nchan_subscriber_first_message newest;
      nchan_message_buffer_length ${Math.max(keptMessages, fewestKept)};
    }
    location = ${nchanPaths.history} {
      nchan_subscriber websocket;
      nchan_channel_id bench;
      nchan_subscriber_first_message oldest;
    }
  }
}
`,
};

/** Mosquitto: MQTT over WebSocket. */
const mosquitto: PeerProgram = {
  install: "apt-get install mosquitto",
  command: (configFile) => commandOf(findProgram("mosquitto"), ["-c", configFile]),
  // Without the first listener 2.0 takes itself for a server without any; without the domain it ignores the address.
  config: ({ port, folder, user }) => `
listener 0 ${folder}/mqtt.sock
listener ${port} 127.0.0.1
socket_domain ipv4
protocol websockets
user ${user}
allow_anonymous true
max_connections -1
max_queued_messages 0
set_tcp_nodelay true
persistence false
log_dest stderr
log_type error
`,
};

/** NATS: its own protocol over WebSocket. The newest one where the tools are installed, else the system's. */
const nats: PeerProgram = {
  install: toolInstall("nats"),
  command: (configFile) => commandOf(findTool("nats") ?? findProgram("nats-server"), ["--config", configFile]),
  // It pings to find dead connections; a run is over before one is missed.
  config: ({ port, folder }) => `
listen: "127.0.0.1:-1"
websocket { listen: "127.0.0.1:${port}", no_tls: true }
ping_interval: "10m"
log_file: "${folder}/nats.log"
jetstream { store_dir: "${folder}" }
`,
};

/** Centrifugo: its client protocol in JSON over WebSocket, a channel without history. */
const centrifugo: PeerProgram = {
  install: toolInstall("centrifugo"),
  command: (configFile) => commandOf(findTool("centrifugo"), ["--config", configFile]),
  config: ({ port }) =>
    JSON.stringify({
      http_server: { address: "127.0.0.1", port: String(port) },
      log: { level: "error" },
      client: { insecure: true, allowed_origins: ["*"] },
      channel: { without_namespace: { allow_publish_for_client: true, allow_subscribe_for_client: true } },
    }),
};

function commandOf(path: string | undefined, args: readonly string[]): readonly string[] | undefined {
  return path === undefined ? undefined : [path, ...args];
}

export const peerPrograms = { nchan, mosquitto, nats, centrifugo } as const satisfies Record<string, PeerProgram>;
export type PeerProgramName = keyof typeof peerPrograms;

export function isPeerProgram(name: string): name is PeerProgramName {
  return Object.hasOwn(peerPrograms, name);
}

/** Why a peer cannot run here; undefined: it can. */
export function whyMissing(name: string): string | undefined {
  if (name === "bun" || name === "grpc-go")
    return findTool(name) === undefined ? `not installed (${toolInstall(name)})` : undefined;
  if (!isPeerProgram(name)) return undefined;
  const { command, install } = peerPrograms[name];
  return command("") === undefined ? `not installed (${install})` : undefined;
}
