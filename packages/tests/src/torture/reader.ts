import { type ChatMessage, ConfabError, type Listening, type TransportName } from "@confab/client/node";
import { parsePosition } from "@confab/contract";
import type { Random } from "@confab/contract/testing/random";
import { type Entry, entryFrom, type ReaderEvidence, type Reading } from "./evidence.js";
import type { Diary } from "./journal.js";
import { LinkPool } from "./link-pool.js";
import { backOffMs, pause } from "./pause.js";

/** A reader that has heard nothing for so long takes its connection for dead, in milliseconds. Rooms are never that quiet. */
const silenceMs = 3_000;

/** A slow reader stops reading after about so many messages. */
const messagesPerRest = 40;

export interface ReaderOptions {
  readonly url: string;
  readonly name: string;
  readonly room: string;
  readonly home: TransportName;
  readonly transports: readonly [TransportName, ...TransportName[]];
  /** Where it begins: with so many of the newest messages, or with the first one. */
  readonly history: number | "all";
  readonly isSlow: boolean;
  /** Whether the log may be lost and replaced: then a reader is told so, and begins again with the new one's first message. */
  readonly losesLogs: boolean;
  readonly random: Random;
  readonly diary: Diary;
  /** While faults last, silence is a fault. Afterwards a reader that falls silent is stuck, and has to be seen to be. */
  isCalm(): boolean;
}

/** One whose hearing is compared with the log in the end. */
export interface TorturedReader extends ReaderEvidence {
  /** How far it has come. */
  readonly lastOffset: number;
  /** Read until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

/** Somebody who reads a room through whatever happens, going on after the last message heard, by this transport or that. */
export class Reader implements TorturedReader {
  readonly ended: Reading[] = [];
  heard: Entry[] = [];
  startOffset: number | undefined;
  /** The last position heard, or where it began. */
  private position: string | undefined;
  private failures = 0;
  /** The last events before the first message that was not due: later ones only tell of its consequences. */
  private eventsAtFault: readonly string[] | undefined;
  private readonly links: LinkPool;

  constructor(private readonly options: ReaderOptions) {
    this.links = new LinkPool(options.url);
  }

  get name(): string {
    return this.options.name;
  }

  get room(): string {
    return this.options.room;
  }

  get events(): readonly string[] {
    return this.eventsAtFault ?? this.options.diary.events;
  }

  get lastOffset(): number {
    return this.heard.at(-1)?.offset ?? this.startOffset ?? 0;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { random, home, transports, diary } = this.options;
    while (!signal.aborted) {
      const transport = random.oneIn(3) ? random.pick(transports) : home;
      const attempt = new AbortController();
      const stop = () => attempt.abort();
      signal.addEventListener("abort", stop);
      try {
        await this.readOn(transport, attempt);
        // Aborted by its own signal, a listening ends without an error; anything else has to say why.
        if (!attempt.signal.aborted) diary.violation(`reading by ${transport} ended without an error`);
      } catch (error) {
        if (!attempt.signal.aborted) this.failed(`reading by ${transport} after ${this.position}`, error);
      } finally {
        signal.removeEventListener("abort", stop);
      }
      // A silent connection is still open, and the link would use it again.
      if (attempt.signal.aborted || random.oneIn(2)) this.links.drop(transport);
      if (!signal.aborted) await pause(backOffMs(this.failures++, random), signal);
    }
    this.links.close();
  }

  private async readOn(transport: TransportName, attempt: AbortController): Promise<void> {
    const { room, random, isSlow, isCalm, diary } = this.options;
    const patience = setTimeout(() => {
      if (isCalm()) return;
      diary.note(`silence by ${transport} after ${this.position}`);
      diary.count("silences");
      attempt.abort();
    }, silenceMs);
    try {
      const listening = await this.begin(transport, attempt.signal);
      for await (const message of listening) {
        if (attempt.signal.aborted) return;
        if (message.room !== room) diary.violation(`a message of ${message.room} came`);
        this.take(message);
        this.failures = 0;
        if (isSlow && !isCalm() && random.oneIn(messagesPerRest)) await pause(random.int(200, 2_000), attempt.signal);
        patience.refresh();
      }
    } finally {
      clearTimeout(patience);
    }
  }

  private failed(what: string, error: unknown): void {
    const { losesLogs, diary } = this.options;
    if (!losesLogs || !isOutOfRange(error)) {
      diary.failed(what, error);
      return;
    }
    diary.note(`${what}: ${error.message}`);
    diary.count("told OUT_OF_RANGE");
    this.ended.push({ startOffset: this.startOffset, heard: this.heard });
    this.heard = [];
    this.startOffset = undefined;
    this.position = undefined;
  }

  private take(message: ChatMessage): void {
    const { diary } = this.options;
    const entry = entryFrom(message);
    if (entry.offset !== this.lastOffset + 1 && !this.eventsAtFault) {
      diary.note(`${entry.id} came, at ${message.position}, after ${this.position}`);
      this.eventsAtFault = [...diary.events];
    }
    this.position = message.position;
    this.heard.push(entry);
  }

  private async begin(transport: TransportName, signal: AbortSignal): Promise<Listening> {
    const { room, history, diary } = this.options;
    const link = this.links.get(transport);
    let after = this.position;
    // The position before the first message of a log that nobody has read yet: the epoch is the server's to say.
    if (after === undefined && (history === "all" || this.ended.length > 0)) {
      const { oldest } = await link.history({ room, limit: 1 }, { signal });
      after = oldest.replace(/:.*$/, ":0");
    }
    const request = after !== undefined ? { room, after } : { room, history: Number(history) };
    const listening = await link.listen(request, { signal });
    diary.note(`reading by ${transport} after ${listening.position}`);
    diary.count(this.startOffset === undefined ? "readings begun" : `resumed by ${transport}`);
    if (after !== undefined && (listening.position !== after || !listening.recovered))
      diary.violation(
        `after ${after}, ${transport} began after ${listening.position}, recovered ${listening.recovered}`,
      );
    this.position ??= listening.position;
    this.startOffset ??= parsePosition(listening.position)?.offset;
    return listening;
  }
}

export function isOutOfRange(error: unknown): error is ConfabError {
  return error instanceof ConfabError && error.code === "OUT_OF_RANGE";
}
