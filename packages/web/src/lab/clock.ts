/** Time, as the measurements need it. */
export interface LabClock {
  nowMs(): number;
  /** Resolves when `dueMs` has come, at once if it is over. */
  until(dueMs: number): Promise<void>;
}

/**
 * How long before a due time the timer is set to end. Timers come up to a millisecond late, and 4 ms late when they follow
 * each other (html.spec.whatwg.org, "timer initialisation steps"), which is longer than a message takes on one machine.
 */
const timerSlackMs = 4;

/** The browser's clock. The last milliseconds before a due time are waited for in hops, each of which lets others run. */
export function browserClock(): LabClock {
  const hop = createHop();
  const nowMs = () => performance.now();
  return {
    nowMs,
    async until(dueMs) {
      for (let leftMs = dueMs - nowMs(); leftMs > 0; leftMs = dueMs - nowMs()) {
        if (leftMs > timerSlackMs) await new Promise((resolve) => setTimeout(resolve, leftMs - timerSlackMs));
        else await hop();
      }
    },
  };
}

/** Waits for one turn of the event loop: a message to oneself is no timer, so that no least delay holds for it. */
function createHop(): () => Promise<void> {
  const { port1, port2 } = new MessageChannel();
  let arrived: () => void = () => undefined;
  port2.onmessage = () => arrived();
  return () =>
    new Promise((resolve) => {
      arrived = resolve;
      port1.postMessage(undefined);
    });
}

/** A clock that shows no change for this long has a step that is no use to us. */
const maxStepMs = 50;

/**
 * The step in which a clock goes: browsers blur it against timing attacks, to 0.1 ms or 1 ms (w3.org/TR/hr-time, §9.1).
 * Keeps the processor busy for some milliseconds.
 */
export function clockStepMs(nowMs: () => number): number {
  const startMs = nowMs();
  let stepMs = maxStepMs;
  for (let [beforeMs, changes] = [startMs, 0]; changes < 10 && beforeMs - startMs < maxStepMs; ) {
    const atMs = nowMs();
    if (atMs === beforeMs) continue;
    stepMs = Math.min(stepMs, atMs - beforeMs);
    beforeMs = atMs;
    changes += 1;
  }
  return stepMs;
}
