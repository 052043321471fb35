/** Runs `task` every `intervalMs` until the returned function is called. */
export type Repeat = (intervalMs: number, task: () => void) => () => void;

/** By a timer that keeps no process alive. */
export function repeatByTimer(intervalMs: number, task: () => void): () => void {
  const timer = setInterval(task, intervalMs).unref();
  return () => clearInterval(timer);
}
