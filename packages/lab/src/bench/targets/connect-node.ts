/** Peer: `@connectrpc/connect-node` passing messages on, as its documentation shows a server stream: an async generator. */
import { createServer } from "node:http2";
import { ChatService } from "@confab/contract/gen/confab/v1/chat_service_pb";
import type { ChatMessage } from "@confab/contract/gen/confab/v1/message_pb";
import type { ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { runProgram } from "../program.js";
import { announce } from "./announce.js";
import { sampleAcknowledgement } from "./sample-response.js";

/** One subscriber's messages until its generator takes them. */
class Mailbox {
  #messages: ChatMessage[] = [];
  #wake: (() => void) | undefined;

  put(message: ChatMessage): void {
    this.#messages.push(message);
    this.#wake?.();
  }

  wake(): void {
    this.#wake?.();
  }

  async take(): Promise<readonly ChatMessage[]> {
    if (this.#messages.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const taken = this.#messages;
    this.#messages = [];
    return taken;
  }
}

await runProgram(async () => {
  const mailboxes = new Set<Mailbox>();
  const response = sampleAcknowledgement();

  function routes(router: ConnectRouter): void {
    router.service(ChatService, {
      sendMessage(message) {
        for (const mailbox of mailboxes) mailbox.put(message);
        return response;
      },
      async *streamMessages(_user, context) {
        const mailbox = new Mailbox();
        mailboxes.add(mailbox);
        context.signal.addEventListener("abort", () => mailbox.wake());
        try {
          while (!context.signal.aborted) yield* await mailbox.take();
        } finally {
          mailboxes.delete(mailbox);
        }
      },
    });
  }

  await announce(createServer(connectNodeAdapter({ routes })));
});
