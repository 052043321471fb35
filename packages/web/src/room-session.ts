import { type ChatMessage, ConfabError, openLink } from "@confab/client";
import type { Settings } from "./settings.js";

/** How the connection is, as the page shows it. */
export type ConnectionState =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  | { readonly kind: "lost"; readonly reason: string; readonly retryMs: number };

export interface SessionView {
  stateChanged(state: ConnectionState): void;
  /** What is shown belongs to nothing any more: the room's log was replaced, or what was missed is gone. */
  restarted(): void;
  messageCame(message: ChatMessage): void;
}

/** How many messages the page begins with. */
const firstMessages = 50;

const minRetryMs = 500;
const maxRetryMs = 10_000;

/**
 * One room read over one transport, until it is closed: after a loss it goes on from the last position seen. The view
 * hears nothing after `close`.
 */
export class RoomSession {
  private readonly link;
  private readonly ended = new AbortController();

  constructor(
    private readonly settings: Settings,
    private readonly view: SessionView,
  ) {
    this.link = openLink(settings.transport, { url: location.origin });
    void this.run();
  }

  /** @throws ConfabError: why the message was not sent. */
  async send(text: string): Promise<void> {
    const { room, user } = this.settings;
    await this.link.send({ room, user, text });
  }

  close(): void {
    this.ended.abort();
    this.link.close();
  }

  private async run(): Promise<void> {
    const { room, user } = this.settings;
    const { signal } = this.ended;
    let position: string | undefined;
    let retryMs = minRetryMs;
    while (!signal.aborted) {
      this.view.stateChanged({ kind: "connecting" });
      try {
        const from = position === undefined ? { history: firstMessages } : { after: position };
        const listening = await this.link.listen({ room, user, ...from }, { signal });
        position = listening.position;
        retryMs = minRetryMs;
        if (signal.aborted) return;
        this.view.stateChanged({ kind: "live" });
        for await (const message of listening) {
          if (signal.aborted) return;
          position = message.position;
          this.view.messageCame(message);
        }
      } catch (error) {
        if (signal.aborted) return;
        const failure = error instanceof ConfabError ? error : new ConfabError("INTERNAL", String(error));
        if (failure.code === "OUT_OF_RANGE") {
          position = undefined;
          this.view.restarted();
        }
        // Full jitter: everybody lost the same server, and must not come back at the same moment.
        const waitMs = Math.round(minRetryMs + Math.random() * retryMs);
        retryMs = Math.min(2 * retryMs, maxRetryMs);
        this.view.stateChanged({ kind: "lost", reason: failure.message, retryMs: waitMs });
        await new Promise((resolve) => setTimeout(resolve, waitMs));
      }
    }
  }
}
