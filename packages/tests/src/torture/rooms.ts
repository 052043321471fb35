/** How a room is spoken in. */
export interface RoomPlan {
  readonly room: string;
  /** Between two messages of one sender, in milliseconds. */
  readonly minPauseMs: number;
  readonly maxPauseMs: number;
  /** Messages that one sender has on their way at once. */
  readonly atOnce: number;
  /** Texts are up to sixty characters, repeated up to so many times. */
  readonly maxRepeats: number;
}

/**
 * The rooms of a run: one where the fan-out always has something to do, one where readers are often idle, and one whose
 * messages fill sockets, so that slow readers leave the fan-out.
 */
export const roomPlans: readonly [RoomPlan, ...RoomPlan[]] = [
  { room: "torture-busy", minPauseMs: 2, maxPauseMs: 25, atOnce: 4, maxRepeats: 2 },
  { room: "torture-bulky", minPauseMs: 40, maxPauseMs: 160, atOnce: 2, maxRepeats: 250 },
  { room: "torture-quiet", minPauseMs: 150, maxPauseMs: 700, atOnce: 1, maxRepeats: 2 },
];
