import type { NewMessage } from "@confab/contract";
import type { Caller, CallerKind, PassedMessage, SendHook } from "../operations/index.js";
import { kindOf, roomIdFrom, sentBytes } from "../operations/index.js";
import { isRefusal, type SendAnswer } from "./answers.js";
import { sendEvent } from "./events.js";
import type { HookCaller } from "./hook-caller.js";
import type { SendEvent } from "./hooks.js";
import { SendChain } from "./send-chain.js";

export interface SendHookDeps {
  readonly hook: HookCaller<SendEvent, SendAnswer>;
  readonly isSkipped: (kind: CallerKind) => boolean;
  /** @returns what is to be thrown. */
  readonly refused: (caller: Caller, room: string, text: string) => Error;
  /** @throws UNAUTHENTICATED and so on: the caller may do nothing any more. */
  readonly checkCaller: (caller: Caller) => void;
}

/** The hook that each message passes before it is stored, of a batch one after the other. */
export class SendPassage implements SendHook {
  private readonly chain = new SendChain();

  constructor(private readonly deps: SendHookDeps) {}

  pass<Reply>(message: PassedMessage, caller: Caller, go: (message: NewMessage) => Promise<Reply>): Promise<Reply> {
    return this.chain.pass(caller, () => this.ask(message, caller), go, sentBytes(message));
  }

  passAll<Reply>(
    messages: readonly NewMessage[],
    caller: Caller,
    go: (messages: readonly NewMessage[]) => Promise<Reply>,
  ): Promise<Reply> {
    const bytes = messages.reduce((sum, message) => sum + sentBytes(message), 0);
    return this.chain.pass(caller, () => this.askAll(messages, caller), go, bytes);
  }

  private ask(message: PassedMessage, caller: Caller): NewMessage | Promise<NewMessage> {
    const kind = kindOf(caller, roomIdFrom(message.room));
    if (this.deps.isSkipped(kind)) return message;
    const answer = this.deps.hook.callFor(caller.share, sendEvent(message, caller, kind));
    return answer instanceof Promise ? this.later(message, caller, answer) : this.passed(message, caller, answer);
  }

  private async later(
    message: NewMessage,
    caller: Caller,
    answer: Promise<SendAnswer | undefined>,
  ): Promise<NewMessage> {
    const passed = this.passed(message, caller, await answer);
    this.deps.checkCaller(caller);
    return passed;
  }

  /** One after the other, so that a long batch takes one place of the hook. */
  private async askAll(messages: readonly NewMessage[], caller: Caller): Promise<readonly NewMessage[]> {
    const passed: NewMessage[] = [];
    for (const message of messages) passed.push(await this.ask(message, caller));
    return passed;
  }

  private passed(message: NewMessage, caller: Caller, answer: SendAnswer | undefined): NewMessage {
    if (answer === undefined) return message;
    if (isRefusal(answer)) throw this.deps.refused(caller, message.room, answer.refuse);
    return { ...message, ...answer.message };
  }
}
