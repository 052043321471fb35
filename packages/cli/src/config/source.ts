/** What one source says of one setting. */
export interface Given {
  /** One text, or those of a list. Undefined: the setting is named, and has no value. */
  readonly texts: readonly string[] | undefined;
  /** For errors: `--port`, `CONFAB_PORT`, `confab.yaml:3: port`. */
  readonly label: string;
  /** What stands between label and text in an error. */
  readonly joint: " " | "=" | ": ";
  /** For `--print-config`: `--port`, `CONFAB_PORT`, `confab.yaml:3`. */
  readonly origin: string;
  /** What to do with a name that has no value. */
  readonly whenEmpty?: "unset it" | "remove it";
  /** The folder that paths are relative to. Default: the working directory. */
  readonly folder?: string;
}

/** What one source says, by the names of settings: `port`, `limits.maxRooms`, `engine-file`. */
export type Source = ReadonlyMap<string, Given>;
