import { openLoadSocket } from "../load-socket.js";
import { upgradeRequest } from "../websocket-frames.js";
import { createReader, type Form } from "./websocket.js";

/** Few at a time: while they are there, they are sent what the others are sent. */
const openingAtOnce = 20;

export interface SessionPlace {
  readonly path: string;
  readonly form: Form;
}

/**
 * Connect that many readers to a Socket.IO server, and disconnect them as a broken connection does. Returns their private
 * session ids, by which they may come back.
 *
 * @throws Error: a connection was refused or lost, or was given no such id: the server recovers nothing.
 */
export async function leaveSessions(port: number, readers: number, place: SessionPlace): Promise<readonly string[]> {
  const pids: string[] = [];
  while (pids.length < readers) {
    const batch = Math.min(openingAtOnce, readers - pids.length);
    pids.push(...(await Promise.all(Array.from({ length: batch }, () => leaveSession(port, place)))));
  }
  return pids;
}

function leaveSession(port: number, { path, form }: SessionPlace): Promise<string> {
  return new Promise((resolve, reject) => {
    const failed = (reason: string): void => reject(new Error(`a session to come back to: ${reason}`));
    const watched: Form = {
      ...form,
      kindOf(payload) {
        const kind = form.kindOf(payload);
        if (kind !== "subscribed") return kind;
        const { pid } = JSON.parse(payload.toString("utf8", "40".length)) as { pid?: string };
        socket.destroy();
        if (pid === undefined) failed("the server gave it no pid");
        else resolve(pid);
        return "other";
      },
    };
    const read = createReader(watched, {
      opened: () => undefined,
      failed,
      payload: () => undefined,
      owed: (bytes) => socket.write(bytes),
      granted: () => undefined,
    });
    const socket = openLoadSocket({ port, greeting: upgradeRequest(path, undefined), read, lost: failed });
  });
}
