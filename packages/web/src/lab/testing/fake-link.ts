import { ConfabError, type Link, type Listening, type OutgoingMessage } from "@confab/client";

/** A room that only echoes. `echoes` decides on each message: say it again, keep it to itself, or refuse it. */
export class FakeRoom {
  readonly sent: OutgoingMessage[] = [];
  closedLinks = 0;
  private readonly hearers = new Set<(id: string) => void>();

  constructor(private readonly decide: (count: number) => "echo" | "lose" | "refuse" = () => "echo") {}

  /** A link to it, with what the lab uses of one. */
  link(): Link {
    const link: Pick<Link, "listen" | "send" | "close"> = {
      listen: async ({ history = 0 }, { signal } = {}) => this.listen(history > 0, signal),
      send: async (message) => {
        this.sent.push(message);
        const decision = this.decide(this.sent.length);
        if (decision === "refuse") throw new ConfabError("PAYLOAD_TOO_LARGE", "too large for a test");
        if (decision === "echo") for (const hear of this.hearers) hear(message.id ?? "");
        return { id: message.id ?? "", position: "1:1", sentAt: new Date(0), duplicate: false };
      },
      close: () => {
        this.closedLinks += 1;
      },
    };
    return link as Link;
  }

  private listen(hasHistory: boolean, signal: AbortSignal | undefined): Listening {
    const queued = hasHistory ? ["of-before"] : [];
    let wake: () => void = () => undefined;
    const hear = (id: string) => {
      queued.push(id);
      wake();
    };
    this.hearers.add(hear);
    signal?.addEventListener("abort", () => {
      this.hearers.delete(hear);
      wake();
    });
    async function* messages() {
      while (!signal?.aborted) {
        for (const id of queued.splice(0)) yield messageWith(id);
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (queued.length > 0 || signal?.aborted) resolve();
        });
      }
    }
    return { position: "1:0", recovered: false, [Symbol.asyncIterator]: messages };
  }
}

function messageWith(id: string) {
  return { id, user: "lab", text: "", room: "lab-test", position: "1:1", sentAt: new Date(0) };
}
