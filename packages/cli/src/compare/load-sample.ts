import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { JsonObject } from "@bufbuild/protobuf";
import { limits } from "@confab/contract";
import { bindSample, defaultSample, inferSchema, type Sample, SampleError } from "@confab/lab";
import { UsageError } from "../command.js";
import { loadTypes } from "../types/load-types.js";
import { TypeFileError } from "../types/type-file-error.js";

export interface SampleValues {
  readonly message?: string | undefined;
  readonly proto?: string | undefined;
  readonly type?: string | undefined;
}

/** The message of a comparison, and what its report says of it. */
export interface LoadedSample {
  readonly sample: Sample;
  readonly title: string;
  readonly schemaText?: string | undefined;
}

/** Who sends typed messages. */
const user = "lab";

/**
 * The message that the command line asks for: the tutorial's own, a JSON file whose type is given, or one whose type is
 * made from it.
 *
 * @throws UsageError: a file cannot be used, the message does not fit its type (with the place), or is over the limit.
 */
export function loadSample({ message, proto, type }: SampleValues): LoadedSample {
  if ((proto === undefined) !== (type === undefined))
    throw new UsageError("--proto and --type belong together: the file, and the message in it");
  if (message === undefined) {
    if (proto !== undefined) throw new UsageError("--proto needs --message FILE: a sample of the type, as JSON");
    return { sample: defaultSample, title: "the tutorial's chat message" };
  }
  const json = readJson(message);
  const loaded =
    proto !== undefined && type !== undefined
      ? typedSample(json, proto, type, basename(message))
      : isChat(json)
        ? { sample: { kind: "chat", ...json } as const, title: basename(message) }
        : untypedSample(json, message);
  checkSample(loaded.sample, message);
  return loaded;
}

function readJson(file: string): JsonObject {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new UsageError(`--message ${file}: ${cause instanceof Error ? cause.message : "not JSON"}`, { cause });
  }
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw new UsageError(`--message ${file}: a JSON object is due, one message`);
  // JSON.parse gives nothing else.
  return json as JsonObject;
}

function isChat(json: JsonObject): json is { user: string; text: string } {
  return (
    Object.keys(json).toSorted().join() === "text,user" &&
    typeof json["user"] === "string" &&
    typeof json["text"] === "string"
  );
}

function typedSample(json: JsonObject, proto: string, typeName: string, title: string): LoadedSample {
  const descriptorSetBase64 = Buffer.from(typesOf(proto)).toString("base64");
  return { sample: { kind: "typed", user, typeName, json, descriptorSetBase64 }, title: `${title} (${typeName})` };
}

function typesOf(proto: string): Uint8Array {
  try {
    return loadTypes([proto]);
  } catch (cause) {
    throw cause instanceof TypeFileError ? new UsageError(`--proto ${cause.message}`, { cause }) : cause;
  }
}

/** A message without a type is given one, since that is what a team would do that moves to Protobuf. */
function untypedSample(json: JsonObject, file: string): LoadedSample {
  const folder = mkdtempSync(join(tmpdir(), "confab-compare-"));
  try {
    const { typeName, text } = inferSchema(json);
    const proto = join(folder, "sample.proto");
    writeFileSync(proto, text);
    const loaded = typedSample(json, proto, typeName, basename(file));
    return { ...loaded, title: basename(file), schemaText: text };
  } catch (cause) {
    throw cause instanceof SampleError ? new UsageError(`--message ${file}: ${cause.message}`, { cause }) : cause;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** As the server will: before minutes of measuring, and in words of the command line. */
function checkSample(sample: Sample, file: string): void {
  let storedBytes: number;
  try {
    storedBytes = bindSample(sample).alone.toProtobuf().length;
  } catch (cause) {
    throw new UsageError(`--message ${file}: ${cause instanceof Error ? cause.message : "does not fit its type"}`, {
      cause,
    });
  }
  const { fallback } = limits.maxMessageBytes;
  if (storedBytes + roomForFieldsBytes > fallback)
    throw new UsageError(
      `--message ${file}: ${storedBytes} bytes as Protobuf; maxMessageBytes is ${fallback}, with the room, the id and the type's name`,
    );
}

/** What a stored message has beside the sample: user, room, id, type URL. */
const roomForFieldsBytes = 512;
