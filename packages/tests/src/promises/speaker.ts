/** Somebody who sends to one room over REST, and knows how far the room has come. */
export class Speaker {
  /** The newest offset that was acknowledged. */
  stored = 0;
  private isStopped = false;
  private sending: Promise<void>[] = [];
  private look: () => void = () => undefined;

  constructor(
    private readonly url: string,
    readonly room: string,
  ) {}

  /** Send one message and wait for its acknowledgement. The result is the room's epoch. */
  async say(text = "hi"): Promise<number> {
    const response = await fetch(`${this.url}/v1/rooms/${this.room}/messages`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ user: "speaker", text }),
    });
    const { position } = (await response.json()) as { position: { epoch: number; offset: string } };
    this.stored = Math.max(this.stored, Number(position.offset));
    this.look();
    return position.epoch;
  }

  /** Send without a pause, so many at once, until `stop`. */
  start(atOnce: number): void {
    const sendAll = async () => {
      while (!this.isStopped) await this.say();
    };
    this.sending = Array.from({ length: atOnce }, sendAll);
  }

  /** Resolves when no send is under way any more because the server has vanished. */
  async untilCutOff(): Promise<void> {
    await Promise.allSettled(this.sending);
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await Promise.all(this.sending);
  }

  /** Resolves when the room has come to an offset. One wait at a time. */
  async untilStored(offset: number): Promise<void> {
    while (this.stored < offset) {
      await new Promise<void>((resolve) => {
        this.look = resolve;
      });
    }
  }
}
