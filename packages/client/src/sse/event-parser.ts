/** One event of an event stream (html.spec.whatwg.org/multipage/server-sent-events.html §9.2.6). */
export interface ServerSentEvent {
  /** `message` if the stream did not say. */
  readonly type: string;
  readonly data: string;
  /** The last id that the stream gave, with this event or before. */
  readonly id: string;
}

/** How much of an event may wait for its end, in characters, before the stream is given up. */
const maxEventCharacters = 67_108_864;

/**
 * Takes events out of an event stream, whatever the chunks: lines end in LF, CR LF or CR, and a chunk may end between CR
 * and LF or within a character. Feed it decoded text (`TextDecoder` with `stream`).
 */
export class EventParser {
  private partialLine = "";
  private endedInCarriageReturn = false;
  private data: string[] = [];
  private dataCharacters = 0;
  private type = "";
  private id = "";

  /**
   * The events that this text completes. Those without data only set the id, as the specification says.
   *
   * @throws RangeError: an event grew past any that a server would send.
   */
  push(text: string): ServerSentEvent[] {
    let rest = text;
    if (this.endedInCarriageReturn && rest.startsWith("\n")) rest = rest.slice(1);
    if (text !== "") this.endedInCarriageReturn = text.endsWith("\r");
    const lines = rest.split(/\r\n|\n|\r/);
    const events: ServerSentEvent[] = [];
    lines[0] = this.partialLine + (lines[0] ?? "");
    this.partialLine = lines.pop() ?? "";
    for (const line of lines) {
      const event = line === "" ? this.dispatch() : this.field(line);
      if (event) events.push(event);
    }
    if (this.partialLine.length + this.dataCharacters > maxEventCharacters)
      throw new RangeError("an event is too long");
    return events;
  }

  private field(line: string): undefined {
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    // A line that begins with a colon is a comment, and has the name "" here.
    if (name === "data") {
      this.data.push(value);
      this.dataCharacters += value.length + 1;
    } else if (name === "event") this.type = value;
    else if (name === "id" && !value.includes("\0")) this.id = value;
  }

  private dispatch(): ServerSentEvent | undefined {
    const { data, type, id } = this;
    this.data = [];
    this.dataCharacters = 0;
    this.type = "";
    return data.length === 0 ? undefined : { type: type === "" ? "message" : type, data: data.join("\n"), id };
  }
}
