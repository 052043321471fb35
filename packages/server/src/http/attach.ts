import type { IncomingMessage, ServerResponse } from "node:http";
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { Server, Socket } from "node:net";
import { processWork } from "../work/index.js";
import { isBelow } from "./base-path.js";
import { Intake, type IntakeOptions, putBackWithoutUpgrade } from "./h1/intake.js";
import { NodeHttp2Exchange } from "./node-http2.js";

/** A server of `node:http`, `node:https` or `node:http2` that has another owner. */
export type HostServer = Pick<Server, "emit" | "on" | "off" | "listenerCount">;

export interface AttachOptions extends Omit<IntakeOptions, "basePath" | "scheme"> {
  /** Requests at it and below it are taken; empty: all. */
  readonly basePath: string;
}

export interface Attachment {
  /** Take no more requests; those under way go on. */
  detach(): void;
  /** Resolves when the connections have ended that were upgraded; those that have not by `timeoutMs` from now are cut. */
  closed(timeoutMs: number): Promise<void>;
}

/** Events of `node:http` that begin a request. */
const requestEvents: ReadonlySet<string> = new Set(["request", "upgrade", "checkContinue", "checkExpectation"]);

/**
 * Take the requests below a path from a server that has its own handlers. Those handlers do not receive them, whether they were
 * added before or come later, and so no middleware has read their bodies.
 */
export function attachTo(host: HostServer, options: AttachOptions): Attachment {
  const { basePath, clientAddressOf, work = processWork, onExchange } = options;
  const intake = new Intake(options);
  const sockets = new Set<Socket>();
  let isAttached = true;
  let ended: () => void = () => undefined;
  const isOurs = (target = "/") => isAttached && isBelow(target, basePath);

  const readAgain = (socket: Socket) => host.emit("encrypted" in socket ? "secureConnection" : "connection", socket);
  const upgrade = (incoming: IncomingMessage, socket: Socket, firstBytes: Buffer) => {
    sockets.add(socket);
    socket.once("close", () => {
      sockets.delete(socket);
      if (sockets.size === 0) ended();
    });
    intake.upgrade(incoming, socket, firstBytes, readAgain);
  };
  // The events are taken before listeners receive them. Whether a listener was added before or after does not matter then.
  const emit = host.emit;
  const taken = function (this: unknown, event: string, ...args: unknown[]): boolean {
    const [first, second, third] = args;
    if (event === "stream") {
      const headers = second as IncomingHttpHeaders;
      if (isOurs(headers[":path"])) {
        onExchange(new NodeHttp2Exchange(first as ServerHttp2Stream, headers, { clientAddressOf, basePath, work }));
        return true;
      }
    } else if (requestEvents.has(event)) {
      const incoming = first as IncomingMessage;
      if (isOurs(incoming.url)) {
        if (event === "upgrade") upgrade(incoming, second as Socket, third as Buffer);
        else {
          if (event === "checkContinue") (second as ServerResponse).writeContinue();
          intake.request(incoming, second as ServerResponse);
        }
        return true;
      }
    }
    return Reflect.apply(emit, this, [event, ...args]) as boolean;
  };
  host.emit = taken as HostServer["emit"];

  // With a listener, Node hands all upgrades over. Where the host has no other listener, it answered them as plain requests.
  const others = (incoming: IncomingMessage, socket: Socket, firstBytes: Buffer) => {
    if (host.listenerCount("upgrade") > 1) return;
    putBackWithoutUpgrade(incoming, socket, firstBytes);
    readAgain(socket);
  };
  host.on("upgrade", others);
  return {
    closed: async (timeoutMs) => {
      if (sockets.size === 0) return;
      const cut = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, timeoutMs);
      await new Promise<void>((resolve) => {
        ended = resolve;
      });
      clearTimeout(cut);
    },
    detach: () => {
      isAttached = false;
      host.off("upgrade", others);
      // Another program may have put its own in front of it.
      if (host.emit === (taken as HostServer["emit"])) host.emit = emit;
    },
  };
}
