/** What a command line turned out to be. */
export type ParsedOptions<Options> =
  | { readonly kind: "run"; readonly options: Options }
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly reason: string };

const wrongOption = 2;

/** Run what was asked for, or say how to ask. Resolves with the exit code. */
export async function answerOptions<Options, ExitCode extends number>(
  parsed: ParsedOptions<Options>,
  usage: string,
  run: (options: Options) => Promise<ExitCode>,
): Promise<ExitCode | 0 | typeof wrongOption> {
  switch (parsed.kind) {
    case "help":
      process.stdout.write(usage);
      return 0;
    case "wrong":
      process.stderr.write(`${parsed.reason}\n\n${usage}`);
      return wrongOption;
    case "run":
      return await run(parsed.options);
    default:
      return parsed satisfies never;
  }
}
