import type { DescMethod } from "@bufbuild/protobuf";
import type { ConfabError, Limits, PayloadTypes } from "@confab/contract";
import type { Clock } from "../core/index.js";
import { ErrorBudget } from "./error-budget.js";
import { MessageJson } from "./message-json.js";
import {
  type Audit,
  type Caller,
  isStranger,
  type LiveCallers,
  type OperationDeps,
  type OperationHooks,
  type Operations,
  operationsOn,
} from "./operations/index.js";
import { type UnaryMethod, unaryMethods } from "./unary.js";

/** The contract's service: what every transport calls, so that all of them behave the same. */
export class ChatService {
  readonly deps: { readonly types: PayloadTypes; readonly limits: Limits };
  readonly json: MessageJson;
  readonly operations: Operations;
  /** Of all services of the contract, by the RPC's descriptor. */
  readonly unary: ReadonlyMap<DescMethod, UnaryMethod>;

  readonly liveCallers: LiveCallers | undefined;
  private readonly clock: Clock;
  private readonly audit: Audit | undefined;
  private readonly hooks: OperationHooks | undefined;

  constructor(deps: OperationDeps) {
    const { types, limits } = deps;
    this.deps = { types, limits };
    this.clock = deps.hub.clock;
    this.liveCallers = deps.liveCallers;
    this.audit = deps.audit;
    this.hooks = deps.hooks;
    this.json = new MessageJson(types);
    this.operations = operationsOn(deps);
    this.unary = unaryMethods(this.operations, this.json);
  }

  /** Why a caller may do nothing on its connection now; undefined when it may. */
  refusalOf(caller: Caller): ConfabError | undefined {
    const refusal = caller.principal.refusal(this.clock.nowMs());
    // A client may open a connection first and show its token in a frame.
    if (refusal && !isStranger(caller.principal))
      this.audit?.refused({ caller, action: "connect", scope: undefined }, refusal);
    return refusal;
  }

  /** A connection with frames or plain messages is over. To be called once. */
  connectionEnded(caller: Caller): void {
    if (this.hooks?.disconnect === undefined) return;
    const { principal } = caller;
    // Who was not let in was not connected: what it showed was refused from the beginning, so it has no user.
    const wasRefused = principal.user === undefined && principal.refusal(this.clock.nowMs()) !== undefined;
    if (!wasRefused || isStranger(principal)) this.hooks.disconnect(caller);
  }

  /** For one connection with frames or plain messages. */
  newErrorBudget(): ErrorBudget {
    return new ErrorBudget(this.deps.limits, this.clock);
  }
}
