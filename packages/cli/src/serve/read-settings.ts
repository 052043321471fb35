import type { CommandContext } from "../command.js";
import { UsageError } from "../command.js";
import { commandLineFrom } from "../config/command-line.js";
import { configFileSource } from "../config/config-file.js";
import { configVariable, environmentSource } from "../config/environment.js";
import { resolveSettings, type Settings } from "../config/resolve.js";

/** The settings of `confab serve`, and how to read them once more. */
export interface ReadSettings {
  readonly settings: Settings;
  readonly printsConfig: boolean;
  /** Undefined: there is no file with settings. */
  readonly configFile: string | undefined;
  /** With the file as it is now; command line and environment of a process do not change. @throws UsageError */
  readAgain(): Settings;
}

/** Command line over environment over file over defaults. @throws UsageError */
export function readSettings(args: string[], { env }: Pick<CommandContext, "env">): ReadSettings {
  const { source, configFile: fileOption, printsConfig } = commandLineFrom(args);
  const variable = env[configVariable];
  if (fileOption === undefined && variable === "")
    throw new UsageError(`${configVariable} is empty; set it to the path of a file, or unset it`);
  const configFile = fileOption ?? variable;
  const label = fileOption === undefined ? configVariable : "--config";
  const readAgain = () =>
    resolveSettings([
      source,
      environmentSource(env),
      ...(configFile === undefined ? [] : [configFileSource(configFile, label)]),
    ]);
  return { settings: readAgain(), printsConfig, configFile, readAgain };
}
