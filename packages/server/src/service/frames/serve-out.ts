import type { RoomId, Subscription } from "../../core/index.js";
import type { FrameSession } from "./session.js";

/** Where the readers of a session have to come: the newest message that a room held when the last request was answered. */
interface Goal {
  readonly room: RoomId;
  readonly subscription: Subscription;
  readonly epoch: number;
  readonly newest: number;
}

/**
 * The client will ask no more (it half-closed its stream), and is still there to read. Resolves once every request was
 * answered, and every subscription was given what its room held by then: what `subscribed` promised, the client's own
 * messages included. The messages are with the channel; those of a room that ended meanwhile are not waited for.
 *
 * It takes as long as the client takes to read; a client that is gone ends the session, and that resolves it too.
 *
 * @throws ENGINE_UNAVAILABLE: what the rooms hold cannot be found out.
 */
export async function serveOut(session: FrameSession): Promise<void> {
  await session.answered();
  const { operations } = session.deps.service;
  const goals: Goal[] = [];
  for (const [room, subscription] of session.subscriptions) {
    if ("isOpening" in subscription) continue;
    const { epoch, newest } = await operations.newest(room, session.channel.caller);
    goals.push({ room, subscription, epoch, newest });
  }
  while (!session.isClosed && goals.some((goal) => isBehind(session, goal))) await session.progress();
}

/** A reader of another epoch than the log's is about to be told that its room was replaced. */
function isBehind({ subscriptions }: FrameSession, { room, subscription, epoch, newest }: Goal): boolean {
  const { position } = subscription;
  return subscriptions.get(room) === subscription && (position.epoch !== epoch || position.offset < newest);
}
