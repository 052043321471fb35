import { once } from "node:events";
import { get, type IncomingHttpHeaders, type IncomingMessage } from "node:http";

export interface ReceivedEvent {
  /** `message` where the stream names none, as `EventSource` has it; `:` for a comment. */
  readonly name: string;
  readonly id: string | undefined;
  readonly retry: string | undefined;
  readonly data: string;
}

/** A listener of server-sent events that reads only when asked to. */
export class SseTestClient {
  private text = "";

  private constructor(private readonly response: IncomingMessage) {
    response.setEncoding("utf8");
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<SseTestClient> {
    const [response] = (await once(get(url, { headers, agent: false }), "response")) as [IncomingMessage];
    return new SseTestClient(response);
  }

  get status(): number | undefined {
    return this.response.statusCode;
  }

  get headers(): IncomingHttpHeaders {
    return this.response.headers;
  }

  /** The next event; undefined at the end of the stream. */
  async next(): Promise<ReceivedEvent | undefined> {
    for (;;) {
      const end = this.text.indexOf("\n\n");
      if (end >= 0) {
        const event = eventFrom(this.text.slice(0, end));
        this.text = this.text.slice(end + 2);
        return event;
      }
      const chunk: unknown = this.response.read();
      if (typeof chunk === "string") this.text += chunk;
      else if (this.response.readableEnded || this.response.destroyed) return undefined;
      else
        await Promise.race([once(this.response, "readable"), once(this.response, "end"), once(this.response, "close")]);
    }
  }

  /** The texts of the next messages. */
  async texts(count: number): Promise<string[]> {
    const texts: string[] = [];
    while (texts.length < count) {
      const event = await this.next();
      if (!event) throw new Error(`the stream ended after ${texts.length} messages`);
      if (event.name === "message") texts.push((JSON.parse(event.data) as { text: string }).text);
    }
    return texts;
  }

  close(): void {
    this.response.destroy();
  }
}

function eventFrom(block: string): ReceivedEvent {
  const fields = new Map<string, string>();
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    fields.set(line.slice(0, colon), line.slice(colon + 1).replace(/^ /, ""));
  }
  const name = fields.has("") ? ":" : (fields.get("event") ?? "message");
  return { name, id: fields.get("id"), retry: fields.get("retry"), data: fields.get("data") ?? "" };
}
