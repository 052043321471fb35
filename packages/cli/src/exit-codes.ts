/** What the process says at its end. Documented in every `--help`; scripts rely on them. */
export const exitCode = {
  ok: 0,
  /** The server, or this machine, said no. */
  refused: 1,
  usage: 2,
  /** There was no connection to the server, or it was lost. */
  unreachable: 3,
  /** Ctrl-C: 128 + SIGINT. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

export const exitCodesHelp = `Exit codes:
  0    done
  1    the server said no
  2    wrong usage
  3    cannot connect, or the connection was lost
  130  interrupted`;
