import type { DescFile, DescMessage, JsonObject, JsonValue, Registry } from "@bufbuild/protobuf";
import { createFileRegistry, createRegistry, fromBinary, fromJson, toJson } from "@bufbuild/protobuf";
import {
  AnySchema,
  FileDescriptorSetSchema,
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
} from "@bufbuild/protobuf/wkt";
import type { Violation } from "./errors.js";
import { ConfabError, invalidMessage } from "./errors.js";
import { file_confab_v1_chat_service } from "./gen/confab/v1/chat_service_pb.js";
import { file_confab_v1_frame } from "./gen/confab/v1/frame_pb.js";
import { file_confab_v1_message } from "./gen/confab/v1/message_pb.js";
import { file_confab_v1_room } from "./gen/confab/v1/room_pb.js";
import { file_google_rpc_error_details } from "./gen/google/rpc/error_details_pb.js";
import { checkJsonBytes } from "./json-bytes.js";
import { isObject } from "./json-payloads.js";
import type { Payload } from "./message.js";
import { canBeTooDeep, isTooDeep, maxPayloadLevels, standsUnderValue } from "./payload-depth.js";
import { checkPayloadForm, payloadValueFromBase64 } from "./payload-form.js";

/**
 * The message types that payloads may be made of: those the server was started with, the well-known types, and the
 * contract's own.
 *
 * A payload of a registered type is checked when it arrives and shown in full as JSON. Any other passes through untouched;
 * in JSON it is an `EncodedPayload`.
 */
export class PayloadTypes {
  readonly registry: Registry;

  private constructor(
    registry: Registry,
    /** The constraints a payload breaks; given from outside, because only the server carries the validator. */
    private readonly violationsOf: ViolationFinder,
  ) {
    this.registry = registry;
  }

  /** No types but the well-known ones and the contract's own. */
  static none(violationsOf: ViolationFinder = () => []): PayloadTypes {
    return new PayloadTypes(createRegistry(...ownFiles), violationsOf);
  }

  /**
   * Types from an encoded `google.protobuf.FileDescriptorSet`, as `buf build` and `protoc --include_imports` write it.
   *
   * @throws Error: the bytes are no such set, or files that it needs are missing.
   */
  static fromDescriptorSet(bytes: Uint8Array, violationsOf: ViolationFinder): PayloadTypes {
    const files = createFileRegistry(fromBinary(FileDescriptorSetSchema, bytes));
    return new PayloadTypes(createRegistry(...ownFiles, files), violationsOf);
  }

  /**
   * Refuse a payload that is not a Protobuf message of a named type, that does not keep the rules of a registered one, or
   * whose JSON would be too deep for readers.
   *
   * @throws INVALID_MESSAGE, MALFORMED_MESSAGE.
   */
  check(payload: Payload): void {
    checkPayloadForm(payload);
    const desc = this.descOf(payload.typeUrl);
    if (!desc) return;
    let message: ReturnType<typeof fromBinary>;
    try {
      message = fromBinary(desc, payload.value);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : "malformed";
      throw new ConfabError("MALFORMED_MESSAGE", `the payload is not a ${desc.typeName}: ${why}`, { cause });
    }
    if (canBeTooDeep(desc) && isTooDeep(desc, message, this.registry))
      throw new ConfabError(
        "MALFORMED_MESSAGE",
        `the payload is nested deeper than ${maxPayloadLevels} levels of JSON`,
      );
    const violations = this.violationsOf(desc, message).map((each) => ({
      ...each,
      field: each.field === "" ? "payload" : `payload.${each.field}`,
    }));
    if (violations.length > 0) throw invalidMessage(violations);
  }

  /**
   * A payload as proto3 JSON has an `Any`. Undefined: its type is not registered, it does not decode as its type, or its JSON
   * would be too deep for readers.
   */
  toJson(payload: Payload): JsonValue | undefined {
    const desc = this.descOf(payload.typeUrl);
    if (!desc) return undefined;
    try {
      const message = fromBinary(desc, payload.value);
      if (canBeTooDeep(desc) && isTooDeep(desc, message, this.registry)) return undefined;
      const json = toJson(desc, message, { registry: this.registry });
      const members = standsUnderValue(desc) || !isObject(json) ? { value: json } : json;
      members["@type"] = payload.typeUrl;
      return members;
    } catch {
      // Stored before the type was registered, or with another version of it: still better shown encoded than lost.
      return undefined;
    }
  }

  /**
   * Read a payload as proto3 JSON has an `Any`; of a type that is not registered, its `@type` and `value` in base64.
   *
   * @throws MALFORMED_MESSAGE: no `@type`, or the rest does not fit it, or is not strict base64 for a type that is not known.
   */
  fromJson(json: JsonObject): Payload {
    // An Any without a type, which the contract's own rule refuses, as it does in Protobuf.
    if (Object.keys(json).length === 0) return { typeUrl: "", value: new Uint8Array(0) };
    const typeUrl = json["@type"];
    if (typeof typeUrl !== "string" || typeUrl === "")
      throw new ConfabError("MALFORMED_MESSAGE", 'payload: "@type" is missing');
    try {
      const desc = this.descOf(typeUrl);
      if (!desc || isOpaque(desc, json)) return { typeUrl, value: opaqueValue(json) };
      const any = fromJson(AnySchema, json, { registry: this.registry, ignoreUnknownFields: true, recursionLimit });
      checkJsonBytes(AnySchema, json, this.registry);
      // The sender's own URL, as it would be kept in Protobuf.
      return { typeUrl, value: any.value };
    } catch (cause) {
      throw new ConfabError("MALFORMED_MESSAGE", `payload: ${cause instanceof Error ? cause.message : "malformed"}`, {
        cause,
      });
    }
  }

  private descOf(typeUrl: string) {
    return this.registry.getMessage(typeUrl.slice(typeUrl.lastIndexOf("/") + 1));
  }
}

/**
 * Whether a payload of a registered type comes as `{"@type", "value": base64}` all the same: from a client that does not
 * know the type, or does not know that we do. Read as fields, it would be an empty message in silence.
 */
function isOpaque(desc: DescMessage, json: JsonObject): boolean {
  // Types of this package have a JSON form of their own, which also stands under "value".
  if (desc.file.proto.package === "google.protobuf") return false;
  return (
    Object.keys(json).length === 2 &&
    typeof json["value"] === "string" &&
    !desc.fields.some(({ jsonName }) => jsonName === "value")
  );
}

/** The bytes of a payload whose type is not registered. Its own fields cannot be encoded here, and to drop them would lose them in silence. */
function opaqueValue(json: JsonObject): Uint8Array {
  const { "@type": typeUrl, value = "", ...fields } = json;
  if (typeof value === "string" && Object.keys(fields).length === 0) return payloadValueFromBase64(value);
  throw new Error(`type ${String(typeUrl)} is not registered here, so the payload is {"@type", "value": base64}`);
}

/**
 * How many messages may stand within each other where JSON is read. The text is at most 100 levels deep, and a level is at
 * most an `Any`, the message in it and a `Value`. So depth is for `check` to judge, which judges Protobuf too.
 */
const recursionLimit = 300;

export type ViolationFinder = (...args: Parameters<typeof import("./validation.js").violationsOf>) => Violation[];

const ownFiles: readonly DescFile[] = [
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
  file_confab_v1_chat_service,
  file_confab_v1_frame,
  file_confab_v1_message,
  file_confab_v1_room,
  file_google_rpc_error_details,
];
