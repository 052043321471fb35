import type { ChatMessage, HistoryPage, HistoryRequest } from "@confab/client/node";
import { defaultRoom, type Position, parsePosition } from "@confab/contract";
import { StoreError } from "@confab/server";
import { type FolderHistory, openFolderHistory } from "@confab/server/folder";
import { UnreachableError, UsageError } from "./command.js";

/** A data folder that is read beside its server. */
export interface Folder {
  history(request: HistoryRequest): Promise<Pick<HistoryPage, "messages" | "more">>;
  /** The messages that follow a position, and then those that come. Without a position: those that come from now on. */
  follow(room: string | undefined, after: string | undefined, signal: AbortSignal): AsyncIterable<ChatMessage>;
  close(): Promise<void>;
}

/** @throws UnreachableError: no server has it open, or it cannot be read. */
export async function openFolder(path: string): Promise<Folder> {
  const folder = await openFolderHistory(path).catch((error: unknown) => {
    throw error instanceof StoreError ? new UnreachableError(error.message, { cause: error }) : error;
  });
  return {
    history: async ({ room = defaultRoom, after, before, limit = 1 }) => {
      const range = { room, after: positionIn("after", after), before: positionIn("before", before), limit };
      const { messages, hasMore } = await folder.page(range);
      return { messages, more: hasMore };
    },
    follow: (room = defaultRoom, after, signal) => follow(folder, { room, after, signal }),
    close: () => folder.close(),
  };
}

async function* follow(
  folder: FolderHistory,
  { room, after, signal }: { readonly room: string; readonly after: string | undefined; readonly signal: AbortSignal },
): AsyncIterable<ChatMessage> {
  const from = positionIn("after", after) ?? (await folder.page({ room, limit: 1 })).newest;
  for await (const messages of folder.follow(room, from, signal)) yield* messages;
}

/** @throws UsageError: it is not a position. */
function positionIn(option: string, text: string | undefined): Position | undefined {
  if (text === undefined) return undefined;
  const position = parsePosition(text);
  if (!position) throw new UsageError(`--${option} ${text}: must be a position such as 7:12`);
  return position;
}
