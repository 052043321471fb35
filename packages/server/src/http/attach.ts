import type { IncomingMessage, ServerResponse } from "node:http";
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { Server, Socket } from "node:net";
import { processWork } from "../work/index.js";
import { isBelow } from "./base-path.js";
import { Intake, type IntakeOptions, putBackWithoutUpgrade } from "./h1/intake.js";
import { Pipeline } from "./h1/pipeline.js";
import { NodeHttp2Exchange } from "./node-http2.js";

/** A server of `node:http`, `node:https` or `node:http2` that has another owner. */
export type HostServer = Pick<Server, "emit" | "on" | "off" | "listenerCount">;

export interface AttachOptions extends Omit<IntakeOptions, "basePath" | "scheme"> {
  /** Requests at it and below it are taken; empty: all. */
  readonly basePath: string;
}

/** Something that a client has open. */
interface Open {
  destroy(): unknown;
  once(event: "close", listener: () => void): unknown;
}

/** What is taken of one host, at one path and below it. */
export class Attachment {
  private readonly open = new Set<Open>();
  private readonly intake: Intake;
  private readonly waiting: (() => void)[] = [];

  constructor(
    private readonly host: AttachedHost,
    private readonly options: AttachOptions,
  ) {
    this.intake = new Intake(options);
  }

  /** Take no more requests; those under way go on. May be called twice. */
  detach(): void {
    this.host.remove(this.options.basePath, this);
  }

  /** Resolves when what is open has ended. */
  async ended(): Promise<void> {
    if (this.open.size > 0) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  /** The same; what has not ended by `timeoutMs` from now is cut. */
  async closed(timeoutMs: number): Promise<void> {
    const cut = setTimeout(() => {
      for (const each of this.open) each.destroy();
    }, timeoutMs);
    await this.ended();
    clearTimeout(cut);
  }

  request(incoming: IncomingMessage, response: ServerResponse): void {
    this.opened(response);
    this.intake.request(incoming, response);
  }

  upgrade(incoming: IncomingMessage, socket: Socket, firstBytes: Buffer): void {
    this.opened(socket);
    this.intake.upgrade(incoming, socket, firstBytes, (again) => this.host.readAgain(again));
  }

  stream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    this.opened(stream);
    const { basePath, clientAddressOf, work = processWork, onExchange, replyStalls } = this.options;
    onExchange(new NodeHttp2Exchange(stream, headers, { clientAddressOf, basePath, work, replyStalls }));
  }

  private opened(opened: Open): void {
    this.open.add(opened);
    opened.once("close", () => {
      this.open.delete(opened);
      if (this.open.size === 0) for (const resolve of this.waiting.splice(0)) resolve();
    });
  }
}

/** Each host once, whatever number of paths is taken of it, by whichever server of this process. */
const hosts = new WeakMap<HostServer, AttachedHost>();

/**
 * Take the requests below a path from a server that has its own handlers. Those handlers do not receive them, whether they were
 * added before or come later, and so no middleware has read their bodies. Undefined: the path is taken already.
 */
export function attachTo(host: HostServer, options: AttachOptions): Attachment | undefined {
  const attached = hosts.get(host) ?? new AttachedHost(host);
  hosts.set(host, attached);
  return attached.add(options);
}

/** A host of which paths are taken: its events are looked at before its listeners receive them. */
class AttachedHost {
  private readonly attachments = new Map<string, Attachment>();
  private readonly emit: HostServer["emit"];

  constructor(private readonly host: HostServer) {
    this.emit = host.emit;
    const { emit } = this;
    const taken = (event: string, ...args: unknown[]) => this.take(event, args);
    host.emit = function (this: unknown, event: string, ...args: unknown[]): boolean {
      return taken(event, ...args) || (Reflect.apply(emit, this, [event, ...args]) as boolean);
    } as HostServer["emit"];
    // With a listener, Node hands all upgrades over. Where the host has no other listener, it answered them as plain requests.
    host.on("upgrade", (incoming: IncomingMessage, socket: Socket, firstBytes: Buffer) => {
      if (host.listenerCount("upgrade") > 1) return;
      Pipeline.of(socket).handOver(() => {
        putBackWithoutUpgrade(incoming, socket, firstBytes);
        this.readAgain(socket);
      });
    });
  }

  add(options: AttachOptions): Attachment | undefined {
    if (this.attachments.has(options.basePath)) return undefined;
    const attachment = new Attachment(this, options);
    this.attachments.set(options.basePath, attachment);
    return attachment;
  }

  remove(basePath: string, attachment: Attachment): void {
    if (this.attachments.get(basePath) === attachment) this.attachments.delete(basePath);
  }

  /** Parse what the socket gives from its beginning. */
  readAgain(socket: Socket): void {
    this.host.emit("encrypted" in socket ? "secureConnection" : "connection", socket);
  }

  /** Whether an event began a request that is taken. */
  private take(event: string, [first, second, third]: readonly unknown[]): boolean {
    if (event === "stream") {
      const headers = second as IncomingHttpHeaders;
      const attachment = this.at(headers[":path"]);
      attachment?.stream(first as ServerHttp2Stream, headers);
      return attachment !== undefined;
    }
    if (!requestEvents.has(event)) return false;
    const incoming = first as IncomingMessage;
    const attachment = this.at(incoming.url);
    if (!attachment) {
      // What is taken behind it on this connection is answered after it. A request that a program has made up has no socket.
      const { socket, httpVersionMajor }: Partial<IncomingMessage> = incoming;
      if (event !== "upgrade" && httpVersionMajor === 1 && socket)
        Pipeline.of(socket).beginOther(second as ServerResponse);
      return false;
    }
    if (event === "upgrade") attachment.upgrade(incoming, second as Socket, third as Buffer);
    else {
      if (event === "checkContinue") (second as ServerResponse).writeContinue();
      attachment.request(incoming, second as ServerResponse);
    }
    return true;
  }

  /** What is attached at the longest path that a target is below. */
  private at(target = "/"): Attachment | undefined {
    let longest: string | undefined;
    for (const basePath of this.attachments.keys()) {
      if (isBelow(target, basePath) && basePath.length >= (longest ?? "").length) longest = basePath;
    }
    return longest === undefined ? undefined : this.attachments.get(longest);
  }
}

/** Events of `node:http` that begin a request. */
const requestEvents: ReadonlySet<string> = new Set(["request", "upgrade", "checkContinue", "checkExpectation"]);
