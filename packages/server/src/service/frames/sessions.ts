import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { ConfabError } from "@confab/contract";
import { PingSchema, WelcomeSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import type { ChatService } from "../chat-service.js";
import { isStranger } from "../operations/index.js";
import type { FrameChannel } from "./channel.js";
import { answerFrame } from "./commands.js";
import { ServerFrames } from "./server-frame.js";
import { FrameSession, type FrameSessionDeps, goodbyeOf } from "./session.js";

export interface FrameSessionsDeps {
  readonly service: ChatService;
  readonly serverVersion: string;
  readonly dedupeWindowMs: number;
  /** A name for each connection, unlike any other's. */
  readonly newConnectionId: () => string;
  readonly principalBy: FrameSessionDeps["principalBy"];
  /** A client spent a budget, and its session ends. */
  readonly onAbuse: (remoteAddress: string, reason: string) => void;
  /** Told of every INTERNAL error, with what is underneath. */
  readonly report: (error: ConfabError) => void;
}

/** All frame sessions of this node: where they begin, and what is said to all of them. */
export class FrameSessions {
  private readonly open = new Set<FrameSession>();
  private readonly sessionDeps: FrameSessionDeps;

  constructor(private readonly deps: FrameSessionsDeps) {
    const { service, onAbuse, principalBy, report } = deps;
    this.sessionDeps = {
      onAbuse,
      principalBy,
      report,
      service,
      frames: new ServerFrames(service.deps.types, service.json),
      answer: answerFrame,
      onClosed: (session) => {
        this.open.delete(session);
        service.liveCallers?.deleteConnection(session);
        service.connectionEnded(session.caller);
      },
    };
  }

  /** Begin a session on a connection; the client is welcomed at once. */
  begin(channel: FrameChannel): FrameSession {
    const { service, serverVersion, dedupeWindowMs, newConnectionId } = this.deps;
    const session = new FrameSession(newConnectionId(), channel, this.sessionDeps);
    this.open.add(session);
    const { pingIntervalMs, maxMessageBytes } = service.deps.limits;
    const value = create(WelcomeSchema, {
      connection: session.id,
      serverVersion,
      pingInterval: durationFromMs(pingIntervalMs),
      maxMessageBytes,
      dedupeWindow: durationFromMs(dedupeWindowMs),
    });
    session.send(0, { case: "welcome", value });
    const tooMany = service.liveCallers?.tooManyFor(session.caller);
    service.liveCallers?.addConnection(session);
    if (tooMany) {
      session.end(tooMany);
      return session;
    }
    const refusal = service.refusalOf(session.caller);
    // Without a token there still may come one, in a frame.
    if (refusal && !isStranger(session.caller.principal)) session.end(refusal);
    return session;
  }

  /** A sign of life to everybody; called every `pingIntervalMs`. */
  pingAll(): void {
    for (const session of this.open) session.send(0, { case: "ping", value: create(PingSchema) });
  }

  /** Say goodbye to everybody and close. Clients come back after a random wait of up to `reconnectWithinMs`. */
  closeAll(reason: ConfabError, reconnectWithinMs: number): void {
    const value = goodbyeOf(reason, reconnectWithinMs);
    for (const session of [...this.open]) {
      session.send(0, { case: "goodbye", value });
      session.channel.close(reason);
      session.closed();
    }
  }
}
