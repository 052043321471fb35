import { openLoadSocket } from "./load-socket.js";
import { lastSequence, MarkReader } from "./mark-reader.js";
import { beginning, type ResumeWire } from "./wires/wire.js";

export interface ReadLogOptions {
  readonly port: number;
  /** How many messages there are, numbered from 0. */
  readonly messages: number;
  readonly timeoutMs: number;
  /** Look at each of them, and not only at their number and the last one. */
  readonly isChecked: boolean;
}

/**
 * One reader that asks for everything from the beginning, on a connection of its own, until it has that.
 *
 * @throws Error: the connection was refused or lost, or a message was missing, or came twice or out of order.
 */
export function readLog(wire: ResumeWire, { port, messages, timeoutMs, isChecked }: ReadLogOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    let count = 0;
    let checked = 0;
    let hasAsked = false;
    const end = (error?: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      if (error) reject(error);
      else resolve();
    };
    const failed = (reason: string): void => end(new Error(`after ${count} of ${messages} messages: ${reason}`));
    const timer = setTimeout(() => failed(`nothing more within ${timeoutMs} ms`), timeoutMs);
    const marks = new MarkReader((sequence) => {
      if (sequence !== checked) failed(`message ${sequence} came where ${checked} was due`);
      checked += 1;
    });
    const read = wire.createReader({
      opened() {
        if (hasAsked) return;
        hasAsked = true;
        socket.write(wire.subscribe(beginning, 0));
      },
      payload(completed, bytes, start, stop) {
        if (isChecked) marks.push(bytes, start, stop);
        count += completed;
        if (count < messages) return;
        const last = lastSequence(bytes, start, stop) ?? messages - 1;
        if (count > messages || last !== messages - 1) failed(`the last of ${count} is number ${last}`);
        else end();
      },
      owed: (bytes) => socket.write(bytes),
      granted: () => undefined,
      failed,
    });
    const socket = openLoadSocket({ port, greeting: wire.greeting, read, lost: failed });
  });
}
