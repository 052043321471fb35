import { type DescField, fromJson, type JsonObject, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import { ConfabError, parseJson, parsePosition } from "@confab/contract";
import { PositionSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { type FieldPath, fieldPathFrom } from "../../service/field-path.js";
import type { HttpRoute, PathVariable } from "../../service/http-routes.js";

export interface RequestParts {
  readonly route: HttpRoute;
  readonly variables: readonly PathVariable[];
  /** Without the question mark. */
  readonly query: string;
  /** The body as it came; empty when the route takes none. */
  readonly body: Uint8Array;
}

/**
 * Put a request message together from a URL and a body, as proto3 JSON (google/api/http.proto, "Rules for HTTP mapping").
 *
 * The path wins over the body, and what the path sets is ignored in the query. Unknown parameters are ignored, as unknown
 * fields are. Whether the values keep the contract's constraints is not looked at here: that is checked once, for all
 * transports.
 *
 * @throws MALFORMED_MESSAGE: a value does not fit its field's type, or the body is not JSON. It names the parameter.
 */
export function requestJsonFrom({ route, variables, query, body }: RequestParts): JsonObject {
  const request: JsonObject = route.body.kind === "whole" ? objectFrom(body) : {};
  if (route.body.kind === "field" && body.length > 0) request[route.body.field.jsonName] = parseJson(body);
  // With the whole message in the body nothing is left for the query.
  if (route.body.kind !== "whole") putQuery(request, route, query);
  for (const { path, text } of variables) {
    delete request[path.leaf.name];
    delete request[path.leaf.jsonName];
    put(request, path, valueFrom("path variable", path, text));
  }
  return request;
}

function objectFrom(body: Uint8Array): JsonObject {
  if (body.length === 0) return {};
  const json = parseJson(body);
  if (!isObject(json)) throw malformed("the body is not a JSON object");
  return json;
}

function putQuery(request: JsonObject, route: HttpRoute, query: string): void {
  const taken = new Set<DescField>();
  for (const segment of route.segments) if (segment.kind === "variable") taken.add(segment.path.fields[0]);
  if (route.body.kind === "field") taken.add(route.body.field);
  for (const [name, text] of parametersFrom(query)) {
    const path = fieldPathFrom(route.rpc.input, name);
    if (!path || taken.has(path.fields[0])) continue;
    // A form sends what was not filled in; only a string can be meant to be empty.
    if (text === "" && path.leaf.scalar !== ScalarType.STRING) continue;
    put(request, path, valueFrom("query parameter", path, text));
  }
}

/** `application/x-www-form-urlencoded`, where URLSearchParams would put U+FFFD in the place of broken UTF-8. */
function* parametersFrom(query: string): Iterable<[name: string, text: string]> {
  for (const pair of query.split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = formDecoded(equals < 0 ? pair : pair.slice(0, equals));
    // A name that cannot be read is no field's.
    if (name === undefined) continue;
    const text = formDecoded(equals < 0 ? "" : pair.slice(equals + 1));
    if (text === undefined) throw malformed(`query parameter "${name}" is not percent-encoded UTF-8`);
    yield [name, text];
  }
}

function formDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    // URIError is all that it throws: the caller says which part is malformed.
    return undefined;
  }
}

function put(request: JsonObject, path: FieldPath, value: JsonValue): void {
  let within = request;
  for (const field of path.fields.slice(0, -1)) {
    const inner = within[field.jsonName] ?? {};
    if (!isObject(inner)) throw malformed(`"${path.name}" is given in two ways`);
    within[field.jsonName] = inner;
    within = inner;
  }
  const { leaf } = path;
  const present = within[leaf.jsonName];
  if (leaf.fieldKind === "list") within[leaf.jsonName] = Array.isArray(present) ? [...present, value] : [value];
  else if (present === undefined) within[leaf.jsonName] = value;
  else throw malformed(`query parameter "${path.name}" is given twice`);
}

/** One parameter's text as the JSON of its field. */
function valueFrom(what: string, path: FieldPath, text: string): JsonValue {
  const { leaf } = path;
  const value = leaf.message?.typeName === PositionSchema.typeName ? positionFrom(text) : scalarFrom(leaf, text);
  if (value === undefined || !fitsField(leaf, value)) {
    throw malformed(
      `${what} "${path.name}": ${JSON.stringify(text.slice(0, maxQuotedCharacters))} is not of type ${typeNameOf(leaf)}`,
    );
  }
  return value;
}

function positionFrom(text: string): JsonValue | undefined {
  const position = parsePosition(text);
  // Both parts, even an offset of 0, so that `after.offset` beside it is seen to be a second value.
  return position && { epoch: position.epoch, offset: String(position.offset) };
}

/** JSON takes numbers as strings too, and every other scalar is a string there, but for these. */
function scalarFrom(field: DescField, text: string): JsonValue | undefined {
  if (isBool(field)) return text === "true" ? true : text === "false" ? false : undefined;
  if (field.enum && /^-?[0-9]+$/.test(text)) return Number(text);
  return text;
}

function isBool(field: DescField): boolean {
  return field.message ? field.message.typeName === "google.protobuf.BoolValue" : field.scalar === ScalarType.BOOL;
}

/** Whether the value decodes, asked one parameter at a time so that the answer can name it. */
function fitsField(field: DescField, value: JsonValue): boolean {
  try {
    fromJson(field.parent, { [field.jsonName]: field.fieldKind === "list" ? [value] : value });
    return true;
  } catch {
    // The library's message names its own classes; ours names the parameter and the type.
    return false;
  }
}

function typeNameOf(field: DescField): string {
  const named = field.message ?? field.enum;
  if (named) return named.typeName === PositionSchema.typeName ? "position, which is epoch:offset" : named.typeName;
  return field.scalar === undefined ? field.fieldKind : ScalarType[field.scalar].toLowerCase();
}

function isObject(json: JsonValue): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

function malformed(message: string): ConfabError {
  return new ConfabError("MALFORMED_MESSAGE", message);
}

/** How much of a wrong value an error repeats. */
const maxQuotedCharacters = 64;
