import { type CommandContext, UsageError } from "../command.js";
import { commandLineFrom } from "../config/command-line.js";
import { configVariable, environmentSource } from "../config/environment.js";
import { resolveSettings, type Settings } from "../config/resolve.js";
import type { Source } from "../config/source.js";

/** The settings of `confab serve`, and how to read them once more. */
export interface ReadSettings {
  readonly settings: Settings;
  readonly printsConfig: boolean;
  /** Undefined: there is no file with settings. */
  readonly configFile: string | undefined;
  /** With the file as it is now; command line and environment of a process do not change. @throws UsageError */
  readAgain(): Promise<Settings>;
}

/** Command line over environment over file over defaults. @throws UsageError */
export async function readSettings(args: string[], { env }: Pick<CommandContext, "env">): Promise<ReadSettings> {
  const { source, configFile: fileOption, printsConfig } = commandLineFrom(args);
  const variable = env[configVariable];
  if (fileOption === undefined && variable === "")
    throw new UsageError(`${configVariable} is empty; set it to the path of a file, or unset it`);
  const configFile = fileOption ?? variable;
  const label = fileOption === undefined ? configVariable : "--config";
  const readAgain = async () => {
    const file = configFile === undefined ? [] : [await fileSource(configFile, label)];
    return resolveSettings([source, environmentSource(env), ...file]);
  };
  return { settings: await readAgain(), printsConfig, configFile, readAgain };
}

/** The parser is loaded only where there is a file: it takes longer than all the rest of the settings. */
async function fileSource(file: string, label: string): Promise<Source> {
  const { configFileSource } = await import("../config/config-file.js");
  return configFileSource(file, label);
}
