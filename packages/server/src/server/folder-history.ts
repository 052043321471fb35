import { create } from "@bufbuild/protobuf";
import { ConfabError, type Position, parsePosition } from "@confab/contract";
import { GetHistoryRequestSchema } from "@confab/contract/gen/confab/v1/room_pb";
import { refuseViolations, violationsOf } from "@confab/contract/validation";
import { type HistoryBounds, type HistoryRequest, readHistory, roomIdFrom } from "../core/index.js";
import { type LogReader, openLogReader } from "../engines/embedded/index.js";
import { type Message, messageFrom } from "../service/index.js";

export interface FolderPage {
  /** Oldest first. */
  readonly messages: readonly Message[];
  readonly hasMore: boolean;
  /** The newest position of the room. */
  readonly newest: Position;
}

/** The messages that follow a position, or the last ones before one; or the newest ones. */
export interface FolderRange {
  readonly room: string;
  readonly after?: Position | undefined;
  readonly before?: Position | undefined;
  readonly limit: number;
}

/** History that is read from a data folder, beside the server that owns it. */
export interface FolderHistory {
  /** @throws INVALID_MESSAGE, OUT_OF_RANGE, DATA_LOSS; ENGINE_UNAVAILABLE: the server has gone. */
  page(range: FolderRange): Promise<FolderPage>;
  /**
   * The messages that follow a position, and then those that come, until `signal`. While the server is away it waits.
   *
   * @throws OUT_OF_RANGE, DATA_LOSS
   */
  follow(room: string, after: Position, signal: AbortSignal): AsyncIterable<readonly Message[]>;
  close(): Promise<void>;
}

/** @throws StoreError: no server has the folder open, or it cannot be read. */
export async function openFolderHistory(folder: string): Promise<FolderHistory> {
  return new ReadFolder(await openLogReader(folder));
}

const pageMessages = 256;

/** Bodies in one page, in bytes. */
const pageBytes = 1_048_576;

/** A process that may read the folder may read all of it, and has no other client to wait for. */
const unhindered: HistoryBounds = {
  maxBytes: pageBytes,
  sizesOf: (_epoch, { entries }) => entries.map(({ body }) => body.length),
  share: { begin: async () => undefined, spend: () => undefined },
  unitsPerEntry: 0,
  unitsPerKib: 0,
};

class ReadFolder implements FolderHistory {
  constructor(private readonly reader: LogReader) {}

  async page({ room, after, before, limit }: FolderRange): Promise<FolderPage> {
    refuseViolations(violationsOf(GetHistoryRequestSchema, create(GetHistoryRequestSchema, { room })));
    const request: HistoryRequest = { room: roomIdFrom(room), after, before, limit, isOldestFirst: false };
    const { epoch, newest, run, hasMore } = await readHistory(this.reader.log, request, unhindered);
    const messages = run.entries.map(({ offset, body }) => messageFrom(body, { epoch, offset }));
    return { messages, hasMore, newest: { epoch, offset: newest } };
  }

  async *follow(room: string, after: Position, signal: AbortSignal): AsyncIterable<readonly Message[]> {
    const news = new News(signal);
    const received = () => news.come();
    const unwatch = this.reader.watch(roomIdFrom(room), {
      entries: received,
      interrupted: received,
      erased: () => undefined,
      signal: () => undefined,
      presence: () => undefined,
    });
    try {
      for (let from = after; !signal.aborted; ) {
        news.take();
        const { messages } = await this.pageWhileThere(room, from);
        const last = messages.at(-1);
        from = (last && parsePosition(last.position)) ?? from;
        if (messages.length > 0) yield messages;
        else await news.wait();
      }
    } finally {
      unwatch();
    }
  }

  close(): Promise<void> {
    return this.reader.close();
  }

  /** Nothing while the server is away: `interrupted` tells when it is back. */
  private async pageWhileThere(room: string, after: Position): Promise<Pick<FolderPage, "messages">> {
    try {
      return await this.page({ room, after, limit: pageMessages });
    } catch (thrown) {
      if (!(thrown instanceof ConfabError && thrown.code === "ENGINE_UNAVAILABLE")) throw thrown;
      return { messages: [] };
    }
  }
}

/** Whether something has come since it was last taken. */
class News {
  private hasCome = false;
  private wake: () => void = () => undefined;

  constructor(signal: AbortSignal) {
    signal.addEventListener("abort", () => this.come(), { once: true });
  }

  come(): void {
    this.hasCome = true;
    this.wake();
  }

  take(): void {
    this.hasCome = false;
  }

  wait(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
      if (this.hasCome) resolve();
    });
  }
}
