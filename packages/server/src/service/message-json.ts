import { chatMessageJson, decodeChatMessage, type PayloadTypes } from "@confab/contract";
import type { LogEntry } from "../core/index.js";

/** ChatMessage JSON of log entries, made once per entry however many JSON transports have readers. */
export class MessageJson {
  /** By entry, so that the text lives exactly as long as the entry is in some hand. */
  private readonly texts = new WeakMap<LogEntry, string>();

  constructor(readonly types: PayloadTypes) {}

  of(epoch: number, entry: LogEntry): string {
    const made = this.texts.get(entry);
    if (made !== undefined) return made;
    const text = chatMessageJson(decodeChatMessage(entry.body), { epoch, offset: entry.offset }, this.types);
    this.texts.set(entry, text);
    return text;
  }
}
