/** Microseconds on the machine's monotonic clock, the same in all threads and processes. */
export function machineNowUs(): number {
  return Number(process.hrtime.bigint() / 100n) / 10;
}
