import type { Socket } from "node:net";
import { ConfabError } from "@confab/contract";
import type { RequestHead } from "../../http/exchange.js";
import { refusalBytes } from "../../http/h1/refusal.js";
import type { UpgradeHandler } from "../../http/h1/server.js";
import { ReaderStalls } from "../../http/reader-stalls.js";
import { turnAway } from "../../http/turn-away.js";
import { errorJson } from "../../http-reply/index.js";
import { type ChatService, connectionCaller, type FrameSessions } from "../../service/index.js";
import type { Share } from "../../work/index.js";
import { Forms } from "./codec.js";
import { FramedSession } from "./framed-session.js";
import { PlainSession } from "./plain-session.js";
import { answerHandshake } from "./protocol/handshake.js";
import { Heartbeat } from "./protocol/heartbeat.js";
import { openConnection } from "./protocol/socket-connection.js";

export interface WebSocketDeps {
  readonly service: ChatService;
  /** Where connections with frames begin, and from where they are all pinged and closed. Plain ones end with their subscriptions. */
  readonly sessions: FrameSessions;
  /** Why this request is not let in, whatever it asks; undefined when it is. Browsers open a WebSocket without a preflight. */
  readonly refusalOf: (request: RequestHead) => ConfabError | undefined;
  /** A client spent a budget, and its connection ends. */
  readonly onAbuse: (remoteAddress: string, reason: string) => void;
  /** Told of every INTERNAL error, with what is underneath; the client is not. */
  readonly report: (error: unknown) => void;
}

const path = "/chat";

/** Take over connections whose HTTP upgrade asks for a WebSocket. */
export function createWebSocketHandler(deps: WebSocketDeps): UpgradeHandler {
  const { service, refusalOf } = deps;
  const { limits } = service.deps;
  const forms = new Forms(service);
  const heartbeat = new Heartbeat(limits);
  const readerStalls = new ReaderStalls(limits);
  const framedDeps = { ...deps, readerStalls, replyStallMs: limits.replyStallMs };
  const plainDeps = { ...deps, readerStalls };

  const open = (
    subprotocol: string | undefined,
    { target, remoteAddress }: RequestHead,
    socket: Socket,
    firstBytes: Uint8Array,
    share: Share,
    responseBytes: Uint8Array,
  ) => {
    const caller = connectionCaller("websocket", remoteAddress, share);
    const framed = forms.framedForm(subprotocol);
    const { maxMessageBytes } = framed ?? forms.plain;
    const { maxQueuedBytes, maxControlFrames, budgetWindowMs } = limits;
    const { onAbuse } = deps;
    const settings = { maxMessageBytes, maxQueuedBytes, heartbeat, maxControlFrames, budgetWindowMs, onAbuse };
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
    const { target } = request;
    const refusal = refusalOf(request) ?? request.refusal;
    if (refusal) {
      refuse(socket, refusal);
      return;
    }
    if (target.split("?", 1)[0] !== path) {
      refuse(socket, new ConfabError("UNKNOWN_PATH", `no WebSocket lives at ${target.slice(0, 200)}; try ${path}`));
      return;
    }
    const answer = answerHandshake(request, (offered) => forms.choose(offered));
    if (answer.isAccepted) open(answer.subprotocol, request, socket, firstBytes, share, answer.responseBytes);
    else refuse(socket, answer.error, answer);
  };
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
