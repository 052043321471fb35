/** One of the targets that Confab has set itself, and whether this run met it. */
export interface Goal {
  readonly claim: string;
  readonly figure: string;
  /** `undefined`: it was not measured in this run. */
  readonly isMet: boolean | undefined;
  /** Other programs disturbed the runs it rests on. */
  readonly isNoisy: boolean;
}
