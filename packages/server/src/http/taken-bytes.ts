import type { Socket } from "node:net";

/**
 * Bytes written to a socket that the kernel has taken. `bytesWritten` counts what waits in the process too.
 *
 * Buffers that wait are written together, and count when the kernel has taken all of them: a client shows progress for each
 * piece of up to the queue's bound and a page.
 */
export function takenBytesOf(socket: Socket): number {
  return socket.bytesWritten - socket.writableLength;
}
