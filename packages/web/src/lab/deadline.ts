/** What did not come in time. */
export class LateError extends Error {
  override readonly name = "LateError";
}

/** `promise`, unless it takes longer than `timeoutMs` from now. @throws LateError: it did; `what` is in its text. */
export async function inTime<T>(promise: Promise<T>, timeoutMs: number, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new LateError(`${what} did not come within ${timeoutMs / 1_000} s`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
