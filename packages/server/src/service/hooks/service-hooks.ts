import { ConfabError, encodeBody, type NewMessage, type PayloadTypes } from "@confab/contract";
import type { Clock, RoomId, Signal, SubscribeRequest } from "../../core/index.js";
import {
  type Action,
  type Audit,
  audited,
  type Caller,
  charged,
  checkNewMessage,
  kindOf,
  type OperationHooks,
  type RoomPolicies,
  roomIdFrom,
  type SendHook,
} from "../operations/index.js";
import { isRefusal, nothingIn, refusalIn, type SendAnswer, sendAnswerIn } from "./answers.js";
import type { HookLog } from "./circuit.js";
import { disconnectEvent, signalEvent, subscribeEvent } from "./events.js";
import { HookCaller, HookFault, type HookForm } from "./hook-caller.js";
import { checkedOptions, checkedStoredOptions, checkHooks, skipperOf } from "./hook-options.js";
import type { ConnectEvent, Hook, HookName, Hooks, Refusal, SendEvent } from "./hooks.js";
import { OccupancyHooks } from "./occupancy-hooks.js";
import { SendChain } from "./send-chain.js";
import { SendPassage } from "./send-hook.js";
import { StoredHook } from "./stored-hook.js";

export interface ServiceHooksDeps {
  readonly log: HookLog;
  readonly clock: Clock;
  readonly types: PayloadTypes;
  readonly rooms: RoomPolicies;
  readonly audit?: Audit | undefined;
}

/** All hooks of a server, each behind its `HookCaller`. @throws HookError: one of them cannot be used. */
export class ServiceHooks implements OperationHooks {
  readonly send: SendHook | undefined;
  readonly subscribe: OperationHooks["subscribe"];
  readonly signal: OperationHooks["signal"];
  readonly disconnect: OperationHooks["disconnect"];
  /** Undefined: rooms are not watched. */
  readonly occupancy: ((room: RoomId, isOccupied: boolean) => void) | undefined;
  readonly stored: StoredHook | undefined;
  private readonly callers: HookCaller<never, unknown>[] = [];

  constructor(
    private readonly hooks: Hooks,
    private readonly deps: ServiceHooksDeps,
  ) {
    checkHooks(hooks);
    this.send = this.sendHook();
    this.subscribe = this.subscribeHook();
    this.signal = this.signalHook();
    this.disconnect = this.disconnectHook();
    this.occupancy = this.occupancyHooks();
    this.stored = this.storedHook();
  }

  /** The hook that says who calls, for those who read its answer; undefined: it is not set. */
  connect<Answer>(read: HookForm<ConnectEvent, Answer>["read"]): HookCaller<ConnectEvent, Answer> | undefined {
    const { connect } = this.hooks;
    return connect && this.callerOf("connect", connect, read);
  }

  /** Resolves once no hook is called: within the longest of their times, if nothing happens any more. */
  async idle(): Promise<void> {
    await Promise.all(this.callers.map((caller) => caller.idle()));
  }

  private sendHook(): SendHook | undefined {
    const { send } = this.hooks;
    if (!send) return undefined;
    return new SendPassage({
      hook: this.callerOf("send", send, (answer, event) => this.checkedAnswer(sendAnswerIn(answer, event), event)),
      isSkipped: skipperOf(send),
      refused: (caller, room, text) => this.refused(caller, "send", room, text),
      checkCaller: (caller) => this.checkCaller(caller),
    });
  }

  private subscribeHook(): OperationHooks["subscribe"] {
    const { subscribe } = this.hooks;
    if (!subscribe) return undefined;
    const hook = this.callerOf("subscribe", subscribe, refusalIn);
    const isSkipped = skipperOf(subscribe);
    return (request: SubscribeRequest, caller: Caller) => {
      const kind = kindOf(caller, request.room);
      if (isSkipped(kind)) return;
      const read = (answer: Refusal | undefined) => {
        if (answer) throw this.refused(caller, "read", request.room, answer.refuse);
      };
      const answer = hook.callFor(caller.share, subscribeEvent(request, caller, kind));
      return answer instanceof Promise ? answer.then(read) : read(answer);
    };
  }

  private signalHook(): OperationHooks["signal"] {
    const { signal } = this.hooks;
    if (!signal) return undefined;
    const hook = this.callerOf("signal", signal, refusalIn);
    const isSkipped = skipperOf(signal);
    const chain = new SendChain();
    return (sent: Signal, caller: Caller, go: () => void) => {
      const ask = () => {
        const kind = kindOf(caller, sent.room);
        return isSkipped(kind) ? undefined : hook.callFor(caller.share, signalEvent(sent, caller, kind));
      };
      return chain.pass(caller, ask, async (answer) => {
        if (answer) throw this.refused(caller, "signal", sent.room, answer.refuse);
        this.checkCaller(caller);
        go();
      });
    };
  }

  private occupancyHooks(): ServiceHooks["occupancy"] {
    const { occupied, vacated } = this.hooks;
    if (!occupied && !vacated) return undefined;
    const hooks = new OccupancyHooks({
      occupied: occupied && this.callerOf("occupied", occupied, nothingIn),
      vacated: vacated && this.callerOf("vacated", vacated, nothingIn),
    });
    return (room, isOccupied) => hooks.changed(room, isOccupied);
  }

  private storedHook(): StoredHook | undefined {
    const { stored } = this.hooks;
    if (!stored) return undefined;
    const { name, run, timeoutMs, maxConcurrent } = checkedStoredOptions(stored);
    const hook = this.callerOf("stored", { run, timeoutMs, maxConcurrent }, nothingIn);
    return new StoredHook(name, maxConcurrent, hook);
  }

  private disconnectHook(): OperationHooks["disconnect"] {
    const { disconnect } = this.hooks;
    if (!disconnect) return undefined;
    const hook = this.callerOf("disconnect", disconnect, nothingIn);
    const isSkipped = skipperOf(disconnect);
    return (caller: Caller) => {
      if (!isSkipped(kindOf(caller, "some room"))) void hook.tell(disconnectEvent(caller), caller.share);
    };
  }

  private callerOf<Event, Answer>(
    name: HookName,
    hook: Hook<Event, unknown>,
    read: HookForm<Event, Answer>["read"],
  ): HookCaller<Event, Answer> {
    const { run, ...settings } = checkedOptions(name, hook);
    const { log, clock } = this.deps;
    const form = { run, read };
    const caller = new HookCaller<Event, Answer>(name, settings, form, { log, nowMs: () => clock.monotonicMs() });
    this.callers.push(caller as HookCaller<never, unknown>);
    return caller;
  }

  /** What a hook made of a message is held to what its sender was. @throws HookFault */
  private checkedAnswer(answer: SendAnswer | undefined, event: SendEvent): SendAnswer | undefined {
    if (answer === undefined || isRefusal(answer)) return answer;
    const { room, user, id, change } = event;
    // A reaction and a deletion have no content.
    if (change !== undefined && change.kind !== "edit") return undefined;
    try {
      const message = checkNewMessage({ room, user, id, ...answer.message }, this.deps.types);
      this.checkSize(message);
      return { message };
    } catch (cause) {
      const reason = cause instanceof ConfabError ? cause.message : String(cause);
      throw new HookFault(`the message as the answer has it cannot be stored: ${reason}`, { cause });
    }
  }

  private checkSize(message: NewMessage): void {
    const { maxMessageBytes } = this.deps.rooms.of(roomIdFrom(message.room));
    const id = message.id || idOfServer;
    const { length } = encodeBody({ ...message, id, sentAtMs: this.deps.clock.nowMs() });
    if (length > maxMessageBytes)
      throw new ConfabError("PAYLOAD_TOO_LARGE", `it is ${length} bytes; maxMessageBytes is ${maxMessageBytes}`);
  }

  /** While the hook thought, the caller's token may have been revoked. */
  private checkCaller({ principal }: Caller): void {
    const refusal = principal.refusal(this.deps.clock.nowMs());
    if (refusal) throw refusal;
  }

  private refused(caller: Caller, action: Action, room: string, text: string): ConfabError {
    const attempt = { caller, action, scope: roomIdFrom(room) };
    return charged(caller, audited(this.deps.audit, attempt, new ConfabError("HOOK_REFUSED", text)));
  }
}

/** As long as an id that the server makes. */
const idOfServer = "00000000-0000-7000-8000-000000000000";
