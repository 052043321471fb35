import type { Socket } from "node:net";
import { ConfabError } from "@confab/contract";
import type { RequestHead } from "../../http/exchange.js";
import type { UpgradeHandler } from "../../http/h1/intake.js";
import { refusalBytes } from "../../http/h1/refusal.js";
import { ReaderStalls } from "../../http/reader-stalls.js";
import { turnAway } from "../../http/turn-away.js";
import { errorJson } from "../../http-reply/index.js";
import { type Caller, type ChatService, type FrameSessions, type Principal, requestIdOf } from "../../service/index.js";
import { cost, type Share } from "../../work/index.js";
import { Forms } from "./codec.js";
import { FramedSession } from "./framed-session.js";
import { PlainSession } from "./plain-session.js";
import { answerHandshake, type HandshakeResult } from "./protocol/handshake.js";
import { Heartbeat } from "./protocol/heartbeat.js";
import { openConnection } from "./protocol/socket-connection.js";

export interface WebSocketDeps {
  readonly service: ChatService;
  /** Where connections with frames begin, and from where they are all pinged and closed. Plain ones end with their subscriptions. */
  readonly sessions: FrameSessions;
  /** Why this request is not let in, whatever it asks; undefined when it is. Browsers open a WebSocket without a preflight. */
  readonly refusalOf: (request: RequestHead) => ConfabError | undefined;
  /** Who asks, by what the request shows. Never rejects. */
  readonly principalOf: (request: RequestHead) => Principal | Promise<Principal>;
  /** Whether who judges tokens needs the request of a connection. It takes memory for as long as the connection. */
  readonly keepsRequests: boolean;
  /** A client spent a budget, and its connection ends. */
  readonly onAbuse: (remoteAddress: string, reason: string) => void;
  /** Told of every INTERNAL error, with what is underneath; the client is not. */
  readonly report: (error: unknown) => void;
}

const path = "/chat";

/** Take over connections whose HTTP upgrade asks for a WebSocket. */
export function createWebSocketHandler(deps: WebSocketDeps): UpgradeHandler {
  const { service, refusalOf, principalOf } = deps;
  const { limits } = service.deps;
  const forms = new Forms(service);
  const heartbeat = new Heartbeat(limits);
  const readerStalls = new ReaderStalls(limits);
  const framedDeps = { ...deps, readerStalls, replyStallMs: limits.replyStallMs };
  const plainDeps = { ...deps, readerStalls };

  const open = (
    { subprotocol, responseBytes }: AcceptedHandshake,
    request: RequestHead,
    { socket, firstBytes, share }: Upgraded,
    principal: Principal,
  ) => {
    const { target, remoteAddress, headers } = request;
    const caller: Caller = {
      principal,
      transport: "websocket",
      remoteAddress,
      requestId: requestIdOf(headers),
      request: deps.keepsRequests ? request : undefined,
      share,
    };
    const framed = forms.framedForm(subprotocol);
    const { maxMessageBytes } = framed ?? forms.plain;
    const { maxQueuedBytes, maxControlFrames, budgetWindowMs } = limits;
    const { onAbuse } = deps;
    const budget = { maxControlFrames, budgetWindowMs, onAbuse };
    const settings = { maxMessageBytes, maxQueuedBytes, heartbeat, remoteAddress, partialMessages: share, ...budget };
    const connection = openConnection(socket, firstBytes, settings);
    connection.write(responseBytes);
    if (framed) connection.listen(new FramedSession(connection, caller, framed, framedDeps));
    else {
      const session = new PlainSession(connection, caller, forms.plain, plainDeps);
      connection.listen(session);
      void session.open(target);
    }
  };

  return (request, socket, firstBytes, share) => {
    const refusal = refusalOf(request) ?? request.refusal;
    if (refusal) {
      refuse(socket, refusal);
      return;
    }
    const asked = request.target.split("?", 1)[0] ?? "";
    if (asked !== path) {
      const { basePath = "" } = request;
      const shown = `${basePath}${asked.slice(0, 200)}`;
      refuse(socket, new ConfabError("UNKNOWN_PATH", `no WebSocket lives at ${shown}; try ${basePath}${path}`));
      return;
    }
    const answer = answerHandshake(request, (offered) => forms.choose(offered), forms.subprotocols);
    if (!answer.isAccepted) {
      refuse(socket, answer.error, answer);
      return;
    }
    // A browser tells its page nothing of a handshake that was refused, so who is not let in learns it from the connection.
    const principal = principalOf(request);
    const upgraded = { socket, firstBytes, share };
    if (!(principal instanceof Promise)) {
      open(answer, request, upgraded, principal);
      return;
    }
    share.spend(cost.token);
    socket.on("error", ignoreError);
    principal
      .then((known) => {
        socket.off("error", ignoreError);
        open(answer, request, upgraded, known);
      })
      .catch((thrown: unknown) => {
        // A bug must end this connection and nothing else.
        deps.report(thrown);
        socket.destroy();
      });
  };
}

type AcceptedHandshake = Extract<HandshakeResult, { readonly isAccepted: true }>;

/** A connection that HTTP has let go of. */
interface Upgraded {
  readonly socket: Socket;
  readonly firstBytes: Uint8Array;
  readonly share: Share;
}

function ignoreError(): void {
  // The connection that is opened then sees that its socket is gone.
}

function refuse(
  socket: Socket,
  error: ConfabError,
  { status, fields }: { readonly status: number; readonly fields: Readonly<Record<string, string>> } = {
    status: error.kind.http,
    fields: {},
  },
): void {
  turnAway(socket, refusalBytes({ status, fields, json: `{"error":${errorJson(error)}}` }));
}
