import { limits } from "@confab/contract";
import { fileNameOf, type Setting } from "./setting.js";
import { settings } from "./settings.js";

/** Where the text of an option begins, and where its lines end. */
const [textColumn, lineEnd] = [29, 100];

/** The options of the table, for `--help`. */
export function settingsHelp(): string {
  return Object.entries<Setting>(settings).flatMap(optionHelp).join("\n");
}

/** The limits, for `--help`. */
export function limitsHelp(): string {
  return Object.entries(limits)
    .map(([name, { fallback, meaning }]) => `  ${name}=${fallback}\n      ${meaning}`)
    .join("\n");
}

/** One option. */
export function optionLines(option: string, text: string): string {
  const head = `      ${option}`;
  const [first = "", ...more] = wrapped(text);
  const gap = head.length + 1 > textColumn ? "  " : " ".repeat(textColumn - head.length);
  return [head + gap + first, ...more.map((line) => " ".repeat(textColumn) + line)].join("\n");
}

function optionHelp([name, setting]: [string, Setting]): string[] {
  const { kind, fallback, help, isList, isSecret } = setting;
  const ending = [
    ...(isList ? ["may be repeated"] : []),
    ...(fallback === undefined || kind.placeholder === "" ? [] : [`default ${fallback}`]),
  ];
  const option = kind.placeholder === "" ? `--${name}` : `--${name} ${kind.placeholder}`;
  return [
    optionLines(option, [help, ...ending].join("; ")),
    ...(isSecret
      ? [optionLines(`--${fileNameOf(name)} FILE`, `a file that holds --${name}, such as a mounted secret`)]
      : []),
  ];
}

function wrapped(text: string): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1) ?? "";
    if (line === "") lines[lines.length - 1] = word;
    else if (textColumn + line.length + 1 + word.length > lineEnd) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}
