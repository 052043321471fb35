/** What the visitor may choose. */
export interface LabSettings {
  readonly text: string;
  readonly ratePerSecond: number;
  /** How long a transport sends in one round. */
  readonly secondsPerRound: number;
  readonly rounds: number;
}

/** How many messages a transport sends in one round. */
export function messagesPerRound({ ratePerSecond, secondsPerRound }: LabSettings): number {
  return Math.max(1, Math.round(ratePerSecond * secondsPerRound));
}
