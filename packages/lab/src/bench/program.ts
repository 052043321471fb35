/**
 * Run a load or server program's main function: end with the bench that started it, even if that was killed, and fail
 * with one line on stderr.
 */
export async function runProgram(main: (argument: string) => Promise<void>): Promise<void> {
  process.stdin.once("end", () => process.exit(1));
  process.stdin.resume();
  process.stdin.unref();
  try {
    await main(process.argv[2] ?? "{}");
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
