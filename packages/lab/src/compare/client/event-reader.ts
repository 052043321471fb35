const eventEnd = Buffer.from("\n\n");

/**
 * Takes events out of a stream of server-sent events (html.spec.whatwg.org, "Server-sent events"), as Confab writes them:
 * lines end with LF and `data` is one line.
 */
export class EventReader {
  readonly #onEvent: (name: string, data: Buffer) => void;
  #held = Buffer.alloc(0);

  constructor(onEvent: (name: string, data: Buffer) => void) {
    this.#onEvent = onEvent;
  }

  push(bytes: Uint8Array): void {
    let rest = Buffer.concat([this.#held, bytes]);
    for (let end = rest.indexOf(eventEnd); end !== -1; end = rest.indexOf(eventEnd)) {
      this.#read(rest.subarray(0, end));
      rest = rest.subarray(end + eventEnd.length);
    }
    this.#held = rest;
  }

  #read(event: Buffer): void {
    let name = "message";
    let data: Buffer | undefined;
    for (let at = 0; at < event.length; ) {
      const lineEnd = event.indexOf(0x0a, at);
      const line = event.subarray(at, lineEnd === -1 ? event.length : lineEnd);
      at += line.length + 1;
      const colon = line.indexOf(0x3a);
      const field = line.toString("latin1", 0, colon);
      const value = line.subarray(line[colon + 1] === 0x20 ? colon + 2 : colon + 1);
      if (field === "event") name = value.toString("latin1");
      else if (field === "data") data = value;
    }
    if (data !== undefined) this.#onEvent(name, data);
  }
}
