import { byteSizeIn, durationIn, ValueError, wholeNumberIn } from "./values.js";

/** A kind of value: what its text must be. The same on the command line, in the environment and in the file. */
export interface Kind<Value> {
  /** What stands for the value in help texts; empty: an option that takes no value. */
  readonly placeholder: string;
  /** For documents. */
  readonly form: string;
  /** Whether it is a path. In the file it is relative to the file's folder. */
  readonly isPath?: boolean;
  /** @throws ValueError */
  parse(text: string): Value;
}

/** Any text. `form` says what it means. */
export function text(placeholder: string, form = "text"): Kind<string> {
  return { placeholder, form, parse: (value) => value };
}

export function path(placeholder: "FILE" | "DIR"): Kind<string> {
  return {
    placeholder,
    form: placeholder === "FILE" ? "path of a file" : "path of a folder",
    isPath: true,
    parse: (value) => {
      if (value === "") throw new ValueError("must be a path");
      return value;
    },
  };
}

export function wholeNumber(min: number, max?: number): Kind<number> {
  const form = max === undefined ? `whole number from ${min}` : `whole number from ${min} to ${max}`;
  return { placeholder: "N", form, parse: (value) => wholeNumberIn(value, min, max) };
}

const durationForm = "time: 90s, 30m, 12h, 7d";

/** Milliseconds. */
export const duration: Kind<number> = { placeholder: "T", form: durationForm, parse: durationIn };

/** Milliseconds from `min` to `max`, which are texts such as `1s`. */
export function durationFrom(min: string, max: string): Kind<number> {
  return {
    placeholder: "T",
    form: `${durationForm}; from ${min} to ${max}`,
    parse: (value) => {
      const ms = durationIn(value);
      if (ms < durationIn(min) || ms > durationIn(max)) throw new ValueError(`must be from ${min} to ${max}`);
      return ms;
    },
  };
}

export const byteSize: Kind<number> = { placeholder: "SIZE", form: "size: 1000000, 500MB, 2GiB", parse: byteSizeIn };

/** Of another kind, or `none`. */
export function orNone<Value>(kind: Kind<Value>): Kind<Value | "none"> {
  return { ...kind, form: `${kind.form}; none`, parse: (value) => (value === "none" ? "none" : kind.parse(value)) };
}

export function oneOf<const Choice extends string>(placeholder: string, ...choices: Choice[]): Kind<Choice> {
  const form = `${choices.slice(0, -1).join(", ")} or ${choices.at(-1)}`;
  return {
    placeholder,
    form,
    parse: (value) => {
      const choice = choices.find((each) => each === value);
      if (choice === undefined) throw new ValueError(`must be ${form}`);
      return choice;
    },
  };
}

/** An option without a value. */
export const yesOrNo: Kind<boolean> = {
  placeholder: "",
  form: "true or false",
  parse: (value) => {
    if (value !== "true" && value !== "false") throw new ValueError("must be true or false");
    return value === "true";
  },
};
