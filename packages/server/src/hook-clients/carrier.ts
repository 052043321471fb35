import type { HookName } from "../service/index.js";
import { ConnectWire } from "./connect-wire.js";
import { GrpcWire } from "./grpc-wire.js";
import type { HookTarget } from "./hook-url.js";
import { JsonWire } from "./json-wire.js";
import { type Spelling, spellings } from "./spellings.js";
import type { HookWire } from "./wire.js";

/** Carries the events of hooks to a service, and its answers back. */
export class Carrier {
  private readonly wire: HookWire;

  constructor(
    target: HookTarget,
    secret: string,
    private readonly timeoutMs: number,
  ) {
    this.wire = wireTo(target, secret);
  }

  async carry(name: HookName, event: never, signal: AbortSignal): Promise<unknown> {
    const { rpc, ask, answer }: Spelling<never> = spellings[name];
    const bounds = { timeoutMs: this.timeoutMs, signal };
    return answer(await this.wire.call(rpc, ask(event, this.wire.format), bounds));
  }
}

function wireTo({ form, url }: HookTarget, secret: string): HookWire {
  switch (form) {
    case "grpc":
      return new GrpcWire(url);
    case "connect":
      return new ConnectWire(url);
    case "json":
      return new JsonWire(url, secret, Date.now);
  }
}
