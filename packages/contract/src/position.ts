/**
 * One place in the log of one room.
 *
 * `epoch` says which incarnation of the room's log this is (1..2^32-1); `offset` counts messages from 1, and 0 is the place
 * before the first one. They travel together always: an old offset beside a new epoch would name another message.
 */
export interface Position {
  readonly epoch: number;
  readonly offset: number;
}

const textForm = /^([1-9][0-9]{0,9}):(0|[1-9][0-9]{0,15})$/;

/** The text form, `epoch:offset`, for URLs, SSE ids and terminals. Clients treat it as opaque. */
export function formatPosition(position: Position): string {
  return `${position.epoch}:${position.offset}`;
}

/** Read the text form; `undefined` when it is not one, or when a part is out of its range. */
export function parsePosition(text: string): Position | undefined {
  const match = textForm.exec(text);
  if (!match) return undefined;
  const epoch = Number(match[1]);
  const offset = Number(match[2]);
  return epoch <= 0xffff_ffff && Number.isSafeInteger(offset) ? { epoch, offset } : undefined;
}
