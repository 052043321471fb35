import type { AppendsLoad, AppendsResult } from "./appends.js";
import type { AttackedLoad, AttackLoad, AttackResult } from "./attack.js";
import type { FanoutLoad, FanoutResult } from "./fanout.js";
import type { FillLogLoad, FillLogResult } from "./fill-log.js";
import type { FlushLoad } from "./flush.js";
import type { FoldedLoad, FoldedResult } from "./folded.js";
import type { HighestRateLoad, HighestRateResult } from "./highest-rate.js";
import type { HistoryLoad, HistoryResult } from "./history.js";
import type { IdleLoad, IdleResult } from "./idle.js";
import type { LiveReadersLoad, LiveReadersResult } from "./live-readers.js";
import type { LowRateLoad, LowRateResult } from "./low-rate.js";
import type { PresenceLoad, PresenceResult } from "./presence.js";
import type { RequestsLoad } from "./requests.js";
import type { ResumeLoad, ResumeResult } from "./resume.js";
import type { StalledLoad, StalledResult } from "./stalled.js";
import type { UnaryLoad, UnaryResult } from "./unary.js";
import type { XaddLoad } from "./xadd.js";

/** What the load program can be asked for, and what it answers to each. */
export interface LoadKinds {
  attack: { load: AttackLoad; result: AttackResult };
  attacked: { load: AttackedLoad; result: Record<string, never> };
  fanout: { load: FanoutLoad; result: FanoutResult };
  "fill-log": { load: FillLogLoad; result: FillLogResult };
  flush: { load: FlushLoad; result: Omit<LowRateResult, "loadCpuUs"> };
  folded: { load: FoldedLoad; result: FoldedResult };
  "highest-rate": { load: HighestRateLoad; result: HighestRateResult };
  history: { load: HistoryLoad; result: HistoryResult };
  idle: { load: IdleLoad; result: IdleResult };
  "live-readers": { load: LiveReadersLoad; result: LiveReadersResult };
  "low-rate": { load: LowRateLoad; result: LowRateResult };
  presence: { load: PresenceLoad; result: PresenceResult };
  requests: { load: RequestsLoad; result: UnaryResult };
  resume: { load: ResumeLoad; result: ResumeResult };
  stalled: { load: StalledLoad; result: StalledResult };
  unary: { load: UnaryLoad; result: UnaryResult };
  appends: { load: AppendsLoad; result: AppendsResult };
  xadd: { load: XaddLoad; result: AppendsResult };
}

export type LoadKind = keyof LoadKinds;

export type LoadRequest = {
  [Kind in LoadKind]: { readonly kind: Kind; readonly load: LoadKinds[Kind]["load"] };
}[LoadKind];
