import {
  create,
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  type MessageShape,
} from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { EncodedPayloadSchema } from "./gen/confab/v1/message_pb.js";
import type { Payload } from "./message.js";
import { payloadValueFromBase64 } from "./payload-form.js";

// The generated code refuses a JSON message with a payload whose type it does not know, and such payloads must pass. So
// payloads are taken out of the JSON before it reads, and put into the message afterwards. The places for payloads come from
// the descriptors: a message that the contract gets later needs nothing here.

/**
 * A place of a message for an `Any` or an `EncodedPayload`: the fields on the way to it, from the outermost. Through a list
 * it is a place in each item.
 */
type Place = readonly Step[];

interface Step {
  readonly field: DescField;
  /** JSON may have a field by either of its two names. */
  readonly names: readonly string[];
}

interface Places {
  readonly payloads: readonly Place[];
  /** These stay where they are: only their base64 is read more strictly than the generated code does. */
  readonly encoded: readonly Place[];
}

const placesByMessage = new WeakMap<DescMessage, Places>();

/** The places of a message and of those within it, but for maps and lists of payloads: a test names one that requests have there. */
function placesIn(schema: DescMessage): Places {
  const known = placesByMessage.get(schema);
  if (known) return known;
  const places: Places = { payloads: placesOf(AnySchema, schema), encoded: placesOf(EncodedPayloadSchema, schema) };
  placesByMessage.set(schema, places);
  return places;
}

function placesOf(sought: DescMessage, schema: DescMessage, way: Place = []): Place[] {
  return schema.fields.flatMap((field) => {
    const isList = field.fieldKind === "list";
    if ((!isList && field.fieldKind !== "message") || !field.message) return [];
    if (way.some((step) => step.field === field)) return [];
    const here = [...way, { field, names: [...new Set([field.name, field.jsonName])] }];
    if (field.message.typeName !== sought.typeName) return placesOf(sought, field.message, here);
    return isList ? [] : [here];
  });
}

/** The JSON of a payload, and where it was. */
export interface TakenPayload {
  readonly place: Place;
  /** Of the items, for each list on the way. */
  readonly indexes: readonly number[];
  readonly payload: JsonObject;
}

/** Take the payloads out of a message in JSON, which is changed. @throws MALFORMED_MESSAGE: an encoded payload is not base64. */
export function takePayloads(schema: DescMessage, json: JsonObject): TakenPayload[] {
  const taken: TakenPayload[] = [];
  const { payloads, encoded } = placesIn(schema);
  for (const place of encoded) atPlace(json, place, (holder, name) => checkEncodedPayload(holder[name]));
  for (const place of payloads) {
    atPlace(json, place, (holder, name, indexes) => {
      const payload = holder[name];
      if (!isObject(payload)) return;
      taken.push({ place, indexes, payload });
      delete holder[name];
    });
  }
  return taken;
}

type Visit = (holder: JsonObject, name: string, indexes: readonly number[]) => void;

/** Run `visit` for each member at a place. */
function atPlace(json: JsonObject, place: Place, visit: Visit, indexes: readonly number[] = [], depth = 0): void {
  const isLast = depth === place.length - 1;
  for (const name of place[depth]?.names ?? []) {
    const member = json[name];
    if (member === undefined) continue;
    if (isLast) visit(json, name, indexes);
    else if (isObject(member)) atPlace(member, place, visit, indexes, depth + 1);
    else if (Array.isArray(member)) {
      for (const [index, item] of member.entries())
        if (isObject(item)) atPlace(item, place, visit, [...indexes, index], depth + 1);
    }
  }
}

function checkEncodedPayload(json: JsonValue | undefined): void {
  if (isObject(json) && typeof json["value"] === "string") payloadValueFromBase64(json["value"]);
}

/** Put a payload where it was in the JSON of the message. */
export function putPayload<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  { place, indexes }: Pick<TakenPayload, "place" | "indexes">,
  payload: Payload,
): void {
  const any = create(AnySchema, { typeUrl: payload.typeUrl, value: payload.value });
  let holder: ReflectMessage = reflect(schema, message);
  let lists = 0;
  for (const [depth, { field }] of place.entries()) {
    if (depth === place.length - 1) holder.set(field, reflect(AnySchema, any));
    else if (field.fieldKind === "message") holder = holder.get(field);
    else if (field.fieldKind === "list") holder = holder.get(field).get(indexes[lists++] ?? 0) as ReflectMessage;
  }
}

export function isObject(json: JsonValue | undefined): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
