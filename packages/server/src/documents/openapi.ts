import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import type { PayloadTypes } from "@confab/contract";
import { ChatService } from "@confab/contract/gen/confab/v1/chat_service_pb";
import { ErrorSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import { PositionSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { type HttpRoute, HttpRoutes } from "../service/http-routes.js";
import { commentOf, summaryAndDescription } from "./comments.js";
import { crossFieldRules } from "./cross-field.js";
import { errorResponses, type OperationTraits } from "./error-responses.js";
import { positionTextSchema, SchemaSet } from "./json-schema.js";
import { queryFields } from "./query-fields.js";
import type { JsonSchema } from "./schema.js";

export interface OpenApiOptions {
  readonly version: string;
  /** What payloads may be made of. */
  readonly types: PayloadTypes;
}

/** The REST routes and the event stream as OpenAPI 3.1, generated from the contract's descriptors (spec.openapis.org/oas/v3.1.1). */
export function openApiDocument({ version, types }: OpenApiOptions): object {
  const schemas = new SchemaSet(types.registry);
  const error: JsonSchema = { type: "object", required: ["error"], properties: { error: schemas.ref(ErrorSchema) } };
  const paths: Record<string, Record<string, object>> = {};
  for (const route of HttpRoutes.ofContract().all) {
    const operation = { [route.verb.toLowerCase()]: operationOf(route, schemas) };
    paths[route.template] = { ...paths[route.template], ...operation };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Confab",
      version,
      ...summaryAndDescription(commentOf(ChatService)),
      description:
        "Generated from the contract, confab.v1.ChatService and confab.v1.AdminService. The schemas describe the JSON that the server reads, and what it " +
        "writes is a part of that: null is the same as an absent field, numbers may be text, and fields may also have the names " +
        "of the contract (`sent_at`). The server writes 64-bit numbers as text. Unknown fields and parameters are ignored.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    paths,
    components: { schemas: { ...schemas.all(), ErrorReply: error } },
  };
}

function operationOf(route: HttpRoute, schemas: SchemaSet): object {
  const { rpc, body } = route;
  const isStream = rpc.methodKind === "server_streaming";
  const parameters = parametersOf(route, schemas);
  return {
    operationId: rpc.name,
    tags: [rpc.parent.name],
    ...summaryAndDescription(operationText(route)),
    ...(parameters.length > 0 && { parameters }),
    ...(body.kind !== "none" && {
      requestBody: {
        required: true,
        content: json(body.kind === "whole" ? schemas.ref(rpc.input) : schemas.field(body.field)),
      },
    }),
    responses: {
      200: isStream
        ? streamReply(rpc.output, schemas)
        : { description: commentOf(rpc.output) || rpc.output.name, content: json(schemas.ref(rpc.output)) },
      ...errorResponses(traitsOf(route), json({ $ref: "#/components/schemas/ErrorReply" })),
    },
  };
}

/** The comment of an RPC; parameters have no place for rules that look at several of them, so these follow. */
function operationText({ rpc, body }: HttpRoute): string {
  const rules = body.kind === "none" ? crossFieldRules(rpc.input).words : [];
  return [commentOf(rpc), ...rules.map((rule) => `Rule: ${rule}.`)].join("\n\n");
}

/** Messages as events: JSON Schema cannot describe the stream, so it says what one event's data is. */
function streamReply(output: DescMessage, schemas: SchemaSet): object {
  const { $ref } = schemas.ref(output);
  return {
    description:
      "Server-sent events: first `subscribed`, then one event without a name for each message, its `id` the position. " +
      "`Last-Event-ID` resumes. An `error` event comes before an end that the server decides. To a client that accepts " +
      "text/event-stream alone, as EventSource does, a refusal is an `error` event too. Where coming back is of no use, the " +
      "event has the id `ended`, which as `Last-Event-ID` is answered with 204: that ends an EventSource.",
    headers: {
      "confab-position": {
        description: "Where the stream starts: everything after it follows",
        schema: positionTextSchema,
      },
    },
    content: {
      "text/event-stream": {
        schema: { type: "string", description: `The data of each message's event is ${String($ref)}` },
      },
    },
  };
}

function parametersOf(route: HttpRoute, schemas: SchemaSet): object[] {
  const inPath = route.segments.flatMap((segment) => (segment.kind === "variable" ? [segment.path.leaf] : []));
  const parameters = inPath.map((field) => ({
    name: field.name,
    in: "path",
    required: true,
    ...describedBy(field),
    schema: schemas.parameter(field),
  }));
  const taken = new Set<DescField>(inPath);
  if (route.body.kind === "field") taken.add(route.body.field);
  const inQuery = route.body.kind === "whole" ? [] : route.rpc.input.fields.filter((field) => !taken.has(field));
  return [
    ...parameters,
    ...queryFields(inQuery).map(({ name, field }) => ({
      name,
      in: "query",
      ...describedBy(field),
      schema: schemas.parameter(field),
    })),
    ...(route.rpc.methodKind === "server_streaming" ? [lastEventId] : []),
  ];
}

function describedBy(field: DescField) {
  const description = commentOf(field);
  return description === "" ? {} : { description };
}

const lastEventId = {
  name: "Last-Event-ID",
  in: "header",
  description: "The last position seen; wins over `after` and `history`. Browsers send it by themselves.",
  schema: positionTextSchema,
};

function traitsOf({ rpc, body }: HttpRoute): OperationTraits {
  return {
    hasBody: body.kind !== "none",
    takesPosition: body.kind === "none" && rpc.input.fields.some(isPosition),
    expectsPosition: rpc.input.fields.some((field) => field.name === "expected" && isPosition(field)),
    // What is answered with its position, or with several, was stored.
    stores: rpc.idempotency !== MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS && rpc.output.fields.some(hasPosition),
  };
}

function hasPosition(field: DescField): boolean {
  return isPosition(field) || (field.message?.fields.some(isPosition) ?? false);
}

function isPosition(field: DescField): boolean {
  return field.message?.typeName === PositionSchema.typeName;
}

function json(schema: JsonSchema): object {
  return { "application/json": { schema } };
}
