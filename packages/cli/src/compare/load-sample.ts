import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { limits, parseJson } from "@confab/contract";
import { defaultSample, inferSchema, type Sample, SampleError } from "@confab/lab";
import { UsageError } from "../command.js";
import { loadTypes } from "../types/load-types.js";
import { TypeFileError } from "../types/type-file-error.js";
import { checkSample } from "./check-sample.js";
import { jsonLoss } from "./json-losses.js";

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

/** No message within the limit is so long, however much white space is in its file. */
const maxFileBytes = 16 * limits.maxMessageBytes.fallback;

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
  try {
    checkSample(loaded.sample);
  } catch (cause) {
    throw new UsageError(`--message ${message}: ${cause instanceof Error ? cause.message : "cannot be sent"}`, {
      cause,
    });
  }
  return loaded;
}

function readJson(file: string): JsonObject {
  const refuse = (reason: string, cause?: unknown) => new UsageError(`--message ${file}: ${reason}`, { cause });
  let text: string;
  let json: JsonValue;
  try {
    const bytes = readFileSync(file);
    if (bytes.length > maxFileBytes)
      throw new RangeError(`${bytes.length} bytes; maxMessageBytes is ${limits.maxMessageBytes.fallback}`);
    text = bytes.toString("utf8");
    json = parseJson(bytes);
  } catch (cause) {
    throw refuse(cause instanceof Error ? cause.message : "not JSON", cause);
  }
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw refuse("must be a JSON object, one message");
  const loss = jsonLoss(text);
  if (loss !== undefined) throw refuse(loss);
  return json;
}

function isChat(json: JsonObject): json is { user: string; text: string } {
  return (
    Object.keys(json).toSorted().join() === "text,user" &&
    typeof json["user"] === "string" &&
    typeof json["text"] === "string"
  );
}

function typedSample(json: JsonObject, proto: string, typeName: string, title: string): LoadedSample {
  try {
    return { sample: sampleOf(json, loadTypes([proto]), typeName), title: `${title} (${typeName})` };
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
    return { sample: sampleOf(json, loadTypes([proto]), typeName), title: basename(file), schemaText: text };
  } catch (cause) {
    if (!(cause instanceof SampleError || cause instanceof TypeFileError)) throw cause;
    // The file is ours and gone by then: its path would help nobody.
    const reason = cause.message.replaceAll(`${folder}/sample.proto`, "the type made from it");
    throw new UsageError(`--message ${file}: ${reason}`, { cause });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function sampleOf(json: JsonObject, descriptorSet: Uint8Array, typeName: string): Sample {
  const descriptorSetBase64 = Buffer.from(descriptorSet).toString("base64");
  return { kind: "typed", user, typeName, json, descriptorSetBase64 };
}
