import { fileNameOf, limitOf, namesOf, type Setting } from "./setting.js";
import { allSettings } from "./settings.js";

/** The rows of docs/configuration.md: one for each setting that is not a limit. */
export const settingsTableHead = ["option, and key of the file", "variable", "value", "default", "SIGHUP", "meaning"];

export function settingsTable(): readonly (readonly string[])[] {
  return [...allSettings].filter(([name]) => limitOf(name) === undefined).flatMap(rowsOf);
}

function rowsOf([name, setting]: [string, Setting]): readonly (readonly string[])[] {
  const { kind, fallback, help, isList, isSecret, reload } = setting;
  const own = [
    `\`${name}\``,
    `\`${namesOf(name).variable}\``,
    isList ? `list of: ${kind.form}` : kind.form,
    fallback === undefined ? "" : `\`${fallback}\``,
    reload ?? "restart",
    `${help[0]?.toUpperCase()}${help.slice(1)}`,
  ];
  if (!isSecret) return [own];
  const file = fileNameOf(name);
  return [
    own,
    [
      `\`${file}\``,
      `\`${namesOf(file).variable}\``,
      "path of a file",
      "",
      "restart",
      `A file that holds \`${name}\`. Its last line break does not count`,
    ],
  ];
}
