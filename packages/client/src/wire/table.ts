import { ConfabError } from "@confab/contract";
import type { MessagePayload } from "../payload.js";

/** How the value of a field is written. Durations are milliseconds here, and timestamps are dates. */
export type FieldType =
  | "string"
  | "bytes"
  | "bool"
  | "int32"
  | "uint32"
  | "fixed32"
  | "uint64"
  | "timestamp"
  | "duration"
  | "any"
  | Table;

/** A field: its number, its type, and whether there are many of it. */
export type Field = readonly [number: number, type: FieldType, many?: "many"];

/**
 * A message of the contract: its fields by their JSON names. It is all that the codecs beside this file know of it, so that
 * pages need no Protobuf runtime. Tables are generated (scripts/protoc-gen-tables.mjs).
 */
export interface Table {
  readonly [name: string]: Field;
}

type ValueOf<Type> = Type extends "string"
  ? string
  : Type extends "bytes"
    ? Uint8Array
    : Type extends "bool"
      ? boolean
      : Type extends "timestamp"
        ? Date
        : Type extends "any"
          ? MessagePayload
          : Type extends Table
            ? Decoded<Type>
            : number;

type IsMessage<Type> = Type extends Table | "timestamp" | "duration" | "any" ? true : false;

/** A decoded message. A message in it that was not sent is undefined; any other field then has proto3's default. */
export type Decoded<T extends Table> = {
  readonly [Name in keyof T]: T[Name] extends readonly [number, infer Type, "many"]
    ? readonly ValueOf<Type>[]
    : IsMessage<T[Name][1]> extends true
      ? ValueOf<T[Name][1]> | undefined
      : ValueOf<T[Name][1]>;
};

type InitOf<Type> = Type extends Table ? Init<Type> : ValueOf<Type>;

/** A message to encode: what is undefined is left out, as is what has proto3's default. */
export type Init<T extends Table> = {
  readonly [Name in keyof T]?:
    | (T[Name] extends readonly [number, infer Type, "many"] ? readonly InitOf<Type>[] : InitOf<T[Name][1]>)
    | undefined;
};

/** What the codecs need of a table for every message, made once: messages come by the thousand. */
export interface Plan {
  readonly fields: readonly KnownField[];
  /** A message with nothing set. */
  empty(): Record<string, unknown>;
}

export interface KnownField {
  readonly name: string;
  readonly number: number;
  readonly type: FieldType;
  readonly isMany: boolean;
}

const plans = new WeakMap<Table, Plan>();

export function planOf(table: Table): Plan {
  const known = plans.get(table);
  if (known) return known;
  const fields = Object.entries(table).map(([name, [number, type, many]]) => ({
    name,
    number,
    type,
    isMany: many !== undefined,
  }));
  const defaults = Object.fromEntries(fields.map(({ name, type }) => [name, defaultOf(type)]));
  const lists = fields.filter(({ isMany }) => isMany).map(({ name }) => name);
  const empty = () => {
    const message: Record<string, unknown> = { ...defaults };
    for (const name of lists) message[name] = [];
    return message;
  };
  const plan = { fields, empty };
  plans.set(table, plan);
  return plan;
}

/** What a field of this type is that was not sent. */
export function defaultOf(type: FieldType): unknown {
  switch (type) {
    case "string":
      return "";
    case "bytes":
      return new Uint8Array(0);
    case "bool":
      return false;
    case "int32":
    case "uint32":
    case "fixed32":
    case "uint64":
      return 0;
    default:
      return undefined;
  }
}

/** A number of an application, as a field can hold it. @throws MALFORMED_MESSAGE: it cannot. */
export function fieldNumber(type: FieldType, value: unknown): number {
  const max = type === "uint64" ? Number.MAX_SAFE_INTEGER : type === "int32" ? 0x7fff_ffff : 0xffff_ffff;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw new ConfabError("MALFORMED_MESSAGE", `${String(value)} is not a whole number from 0 to ${max}`);
}
