import { type ChatMessage, type Client, connect } from "@confab/client/node";
import { parsePosition } from "@confab/contract";
import { type Entry, entryFrom, type Reading } from "./evidence.js";
import { isOutOfRange, type ReaderOptions, type TorturedReader } from "./reader.js";
import { sdkOptions } from "./sdk-options.js";

/**
 * Somebody who reads a room from its first message through the SDK, which promises that there is nothing more to do: it
 * does not look for silence, and begins again only when it is told that the log was replaced.
 */
export class SdkReader implements TorturedReader {
  readonly ended: Reading[] = [];
  heard: Entry[] = [];
  startOffset: number | undefined;

  constructor(private readonly options: ReaderOptions) {}

  get name(): string {
    return this.options.name;
  }

  get room(): string {
    return this.options.room;
  }

  get events(): readonly string[] {
    return this.options.diary.events;
  }

  get lastOffset(): number {
    return this.heard.at(-1)?.offset ?? 0;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { url, home, random, diary } = this.options;
    const client = connect(sdkOptions(url, home, random));
    client.on("state", (state) => diary.note(`the SDK is ${state.name} after ${this.lastOffset}`));
    try {
      while (await this.readUntilReplaced(client, signal)) diary.count("told OUT_OF_RANGE");
      if (!signal.aborted) diary.violation("the SDK's reading ended without an error");
    } catch (error) {
      if (!signal.aborted) diary.violation(`the SDK's reading failed after ${this.lastOffset}: ${String(error)}`);
    } finally {
      client.close();
    }
  }

  /** True if the log was replaced, as it may be. @throws whatever else ends the reading. */
  private async readUntilReplaced(client: Client, signal: AbortSignal): Promise<boolean> {
    try {
      await this.read(client, signal);
      return false;
    } catch (error) {
      if (!this.options.losesLogs || !isOutOfRange(error)) throw error;
      this.ended.push({ startOffset: this.startOffset, heard: this.heard });
      this.heard = [];
      this.startOffset = undefined;
      return true;
    }
  }

  private async read(client: Client, signal: AbortSignal): Promise<void> {
    const room = client.room(this.options.room);
    const { oldest } = await room.history({ limit: 1 }, { signal, timeoutMs: 60_000 });
    const messages = room.messages({ after: oldest.replace(/:.*$/, ":0"), signal });
    this.startOffset = parsePosition(messages.position ?? "")?.offset;
    for await (const message of messages) this.take(message);
  }

  private take(message: ChatMessage): void {
    const entry = entryFrom(message);
    if (entry.offset !== this.lastOffset + 1)
      this.options.diary.violation(`${entry.offset} came after ${this.lastOffset}`);
    this.heard.push(entry);
  }
}
