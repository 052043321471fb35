import { once } from "node:events";
import { WebSocket } from "ws";
import { frameWithoutDetails } from "../../parity/raw-clients.js";
import { type Shown, webSocketUrl } from "./ways.js";

/** A connection with JSON frames, one answer after another. */
export class Frames {
  private readonly frames: ReturnType<typeof frameWithoutDetails>[] = [];
  private request = 0;

  private constructor(readonly socket: WebSocket) {
    socket.on("message", (data: Buffer) => this.frames.push(frameWithoutDetails(data, false)));
  }

  static async open(url: string, protocols: string[], shown: Shown = {}): Promise<Frames> {
    const frames = new Frames(new WebSocket(webSocketUrl(url), protocols, { headers: shown }));
    await once(frames.socket, "open");
    return frames;
  }

  /** `done` and the like, or the code of an error. */
  async ask(frame: object): Promise<string> {
    const request = ++this.request;
    this.socket.send(JSON.stringify({ request, ...frame }));
    const answer = await this.first((each) => each.request === request);
    return answer.frame.case === "error" ? answer.frame.value.code : String(answer.frame.case);
  }

  has(kind: string): boolean {
    return this.frames.some(({ frame }) => frame.case === kind);
  }

  async first(wanted: (frame: ReturnType<typeof frameWithoutDetails>) => boolean) {
    for (;;) {
      const found = this.frames.find(wanted);
      if (found) return found;
      await once(this.socket, "message");
    }
  }
}
