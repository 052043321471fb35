import { tmpdir } from "node:os";
import { RedisServer } from "../fixture/redis-server.js";
import { startServerProcess } from "../fixture/server-process.js";
import { pause } from "./pause.js";
import { ServerSupervisor, serverFlags } from "./server-supervisor.js";
import type { SystemBlow, SystemOptions, TorturedSystem } from "./system.js";

export interface RedisSystemOptions extends SystemOptions {
  readonly nodes: number;
  readonly wipesRedis: boolean;
}

/** How long Redis is away, in milliseconds: longer than nodes take to notice. */
const redisAwayMs = 700;

/** Each write is in the file before it is answered, so a Redis that was killed has what was acknowledged. */
const persistence = ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""];

/** Nodes that share a Redis. */
export class RedisSystem implements TorturedSystem {
  readonly blows: readonly [SystemBlow, ...SystemBlow[]];
  private redis: RedisServer | undefined;
  private readonly ports = new Map<number, number>();
  private readonly nodes: readonly [ServerSupervisor, ...ServerSupervisor[]];

  constructor(private readonly options: RedisSystemOptions) {
    const blows = ["kill", "restart", "kill-redis", "restart-redis", "cut-pubsub", "cut-commands"] as const;
    this.blows = options.wipesRedis ? [...blows, "wipe-redis"] : blows;
    const others = Array.from({ length: options.nodes - 1 }, (_, index) => this.makeNode(index + 2));
    this.nodes = [this.makeNode(1), ...others];
  }

  async start(): Promise<void> {
    this.redis = await RedisServer.start({ args: persistence });
    await Promise.all(this.nodes.map((node) => node.start()));
  }

  async strike(blow: SystemBlow): Promise<void> {
    const { random } = this.options;
    switch (blow) {
      case "kill":
        return random.pick(this.nodes).restart("SIGKILL");
      case "restart":
        return random.pick(this.nodes).restart("SIGTERM");
      case "kill-redis":
        return this.restartRedis("SIGKILL");
      case "restart-redis":
        return this.restartRedis("SIGTERM");
      case "wipe-redis":
        return this.wipeRedis();
      case "cut-pubsub":
        return this.cut("pubsub");
      case "cut-commands":
        return this.cut("normal");
      default:
        return blow satisfies never;
    }
  }

  async end(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.end("SIGKILL")));
    await this.redis?.stop();
  }

  private makeNode(number: number): ServerSupervisor {
    const { journal, moved, isInterrupted } = this.options;
    return new ServerSupervisor({
      name: `node ${number}`,
      journal,
      isInterrupted,
      startProcess: () =>
        startServerProcess({
          flags: { ...serverFlags, engine: { kind: "redis", url: this.redis?.url ?? "" } },
          // Such a node keeps nothing on disk; a folder of its own would be left behind whenever it is killed.
          dataDir: tmpdir(),
        }),
      moved: (port) => {
        if (port === undefined) this.ports.delete(number);
        else this.ports.set(number, port);
        moved([...this.ports.values()]);
      },
    });
  }

  private async restartRedis(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    await this.redis?.kill(signal);
    await pause(redisAwayMs);
    await this.redis?.run();
  }

  /** Without its data, and without the nodes noticing any more than that it was away. */
  private async wipeRedis(): Promise<void> {
    await this.redis?.cli("FLUSHALL");
    await this.restartRedis("SIGTERM");
  }

  private async cut(type: "pubsub" | "normal"): Promise<void> {
    await this.redis?.cli("CLIENT", "KILL", "TYPE", type);
  }
}
