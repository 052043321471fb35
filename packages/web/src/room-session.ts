import {
  type ChatMessage,
  type Client,
  type ConnectionState as ClientState,
  ConfabError,
  connect,
} from "@confab/client";
import type { Settings } from "./settings.js";

/** How the connection is, as the page shows it. */
export type ConnectionState =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  | { readonly kind: "lost"; readonly reason: string; readonly retryMs: number }
  /** It does not come back as it is: other settings may help. */
  | { readonly kind: "ended"; readonly reason: string };

export interface SessionView {
  stateChanged(state: ConnectionState): void;
  /** What is shown belongs to nothing any more: the room's log was replaced, or what was missed is gone. */
  restarted(): void;
  messageCame(message: ChatMessage): void;
}

/** How many messages the page begins with. */
const firstMessages = 50;

/** One room over one transport, until it is closed; lost connections are the SDK's matter. The view hears nothing after `close`. */
export class RoomSession {
  private readonly client: Client;
  private isClosed = false;

  constructor(
    private readonly settings: Settings,
    private readonly view: SessionView,
  ) {
    const { transport, user } = settings;
    this.client = connect({ url: location.origin, transport, user });
    this.client.on("state", (state) => this.show(state));
    this.show(this.client.state);
    this.read();
  }

  /** @throws ConfabError: why the message was not sent. */
  async send(text: string): Promise<void> {
    await this.client.room(this.settings.room).send(text);
  }

  close(): void {
    this.isClosed = true;
    this.client.close();
  }

  private read(): void {
    const show = (message: ChatMessage) => {
      if (!this.isClosed) this.view.messageCame(message);
    };
    const { ended } = this.client.room(this.settings.room).subscribe(show, { history: firstMessages });
    void ended.then((error) => {
      if (this.isClosed || !(error instanceof ConfabError)) return;
      if (error.code !== "OUT_OF_RANGE") return this.view.stateChanged({ kind: "ended", reason: error.message });
      this.view.restarted();
      this.read();
    });
  }

  private show(state: ClientState): void {
    if (this.isClosed) return;
    switch (state.name) {
      case "connecting":
      case "live":
        this.view.stateChanged({ kind: state.name });
        return;
      case "reconnecting":
        this.view.stateChanged({ kind: "lost", reason: state.error.message, retryMs: state.delayMs });
        return;
      case "closed":
        this.view.stateChanged({ kind: "ended", reason: state.error?.message ?? "closed" });
        return;
      default:
        return state satisfies never;
    }
  }
}
