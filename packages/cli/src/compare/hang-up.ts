/**
 * A command's signal that a closed terminal (SIGHUP) aborts, too. Of this command alone: to a server the same signal may
 * mean something else.
 */
export function orHangUp(signal: AbortSignal): AbortSignal {
  const hungUp = new AbortController();
  // Once: a second one has its usual effect, as with Ctrl-C.
  process.once("SIGHUP", () => hungUp.abort());
  return AbortSignal.any([signal, hungUp.signal]);
}
