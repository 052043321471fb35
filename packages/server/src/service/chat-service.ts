import type { ConfabError, Limits, PayloadTypes } from "@confab/contract";
import type { Clock } from "../core/index.js";
import { ErrorBudget } from "./error-budget.js";
import { MessageJson } from "./message-json.js";
import {
  type Caller,
  type LiveCallers,
  type OperationDeps,
  type Operations,
  operationsOn,
} from "./operations/index.js";
import { type UnaryMethod, unaryMethods } from "./unary.js";

/** The contract's service: what every transport calls, so that all of them behave the same. */
export class ChatService {
  readonly deps: { readonly types: PayloadTypes; readonly limits: Limits };
  readonly json: MessageJson;
  readonly operations: Operations;
  /** By the RPC's name, `SendMessage` and so on. */
  readonly unary: ReadonlyMap<string, UnaryMethod>;

  /** Undefined on a server that asks for no tokens. */
  readonly liveCallers: LiveCallers | undefined;
  private readonly clock: Clock;

  constructor(deps: OperationDeps) {
    const { types, limits } = deps;
    this.deps = { types, limits };
    this.clock = deps.hub.clock;
    this.liveCallers = deps.liveCallers;
    this.json = new MessageJson(types);
    this.operations = operationsOn(deps);
    this.unary = unaryMethods(this.operations, this.json);
  }

  /** Why a caller may do nothing now; undefined when it may. */
  refusalOf({ principal }: Pick<Caller, "principal">): ConfabError | undefined {
    return principal.refusal(this.clock.nowMs());
  }

  /** For one connection with frames or plain messages. */
  newErrorBudget(): ErrorBudget {
    return new ErrorBudget(this.deps.limits, this.clock);
  }
}
