import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PayloadTypes } from "@confab/contract";
import { isUserName } from "@confab/contract/user-name";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { HttpRoutes } from "../service/http-routes.js";
import { type RestTestServer, restTestServer } from "../testing/rest-test-server.js";
import { portablePattern, portableUserName } from "./constraints.js";
import { openApiDocument } from "./openapi.js";

interface Operation {
  readonly operationId: string;
  readonly summary?: string;
  readonly description?: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly description?: string;
    readonly schema: object;
  }[];
  readonly requestBody?: { readonly content: object };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content: object }>>;
}

interface Described {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Described>>;
}

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

const document = openApiDocument({ version: "1.2.3", types: PayloadTypes.none() }) as OpenApi;
const ajv = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true });
formats.default(ajv);
ajv.addVocabulary(["components"]);
ajv.addSchema({ $id: "openapi", components: document.components }, "openapi");

function validatorOf(name: string): ValidateFunction {
  return ajv.compile({ $ref: `openapi#/components/schemas/${name}` });
}

let server: RestTestServer;
before(async () => {
  server = await restTestServer();
});
after(() => server.close());

test("the document is valid OpenAPI 3.1", async () => {
  const result = await new Validator().validate({ ...structuredClone(document) });
  assert.deepEqual(result, { valid: true });
});

test("a batch says how it can fail, beside what every send says", () => {
  const responsesOf = (path: string) => document.paths[path]?.["post"]?.responses ?? {};
  const [one, several] = [responsesOf("/v1/rooms/{room}/messages"), responsesOf("/v1/rooms/{room}/messages:batch")];
  const { 409: conflict, ...others } = several;
  assert.match(conflict?.description ?? "", /^UNEXPECTED_POSITION: /);
  assert.deepEqual(others, { ...one, 200: others["200"] });
});

test("every HTTP route of the contract is described, and nothing else", () => {
  const described = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([verb, { operationId }]) => `${verb.toUpperCase()} ${path} ${operationId}`),
  );
  const routes = HttpRoutes.ofContract().all.map(({ verb, template, rpc }) => `${verb} ${template} ${rpc.name}`);
  assert.deepEqual(described.sort(), routes.sort());
});

test("parameters are the fields that are not in the body, a position as text", () => {
  const history = document.paths["/v1/rooms/{room}/messages"]?.["get"];
  assert.deepEqual(
    history?.parameters?.map(({ name, in: place }) => `${place} ${name}`),
    [
      "path room",
      "query after",
      "query before",
      "query limit",
      "query oldest_first",
      "query changes",
      "query history",
      "query folded",
      "query filter.users",
      "query filter.payload_types",
    ],
  );
  const [room, position, , limit] = history.parameters.map(({ schema }) => schema);
  assert.deepEqual(room, { type: "string", pattern: "^([A-Za-z0-9][A-Za-z0-9._-]{0,99})?$" });
  assert.equal(position && "type" in position && position.type, "string");
  assert.deepEqual(limit, { type: "integer", minimum: 0, maximum: 1_000 });
  const users = history.parameters.find(({ name }) => name === "filter.users")?.schema;
  assert.deepEqual(
    [users && "type" in users && users.type, users && "maxItems" in users && users.maxItems],
    ["array", 16],
  );
  const send = document.paths["/v1/rooms/{room}/messages"]?.["post"];
  assert.deepEqual(
    send?.parameters?.map(({ name }) => name),
    ["room"],
  );
});

test("constraints of the contract become keywords, and what has no keyword is said in words", () => {
  const message = document.components.schemas["confab.v1.ChatMessage"];
  assert.ok(message && "properties" in message && "required" in message && "description" in message);
  const { user } = message.properties as Record<string, Record<string, unknown>>;
  assert.ok(user);
  const { description: _, ...keywords } = user;
  assert.deepEqual(keywords, { type: "string", minLength: 1, maxLength: 64, pattern: portableUserName });
  assert.deepEqual(message.required, ["user"]);
  assert.match(String(message.description), /text or payload is required/);
});

test("the pattern of users' names means the same with the flag u, without it, and to the server", () => {
  for (const name of [
    "ann",
    " Ann ",
    "علی\u200cرضا",
    "👩\u200d💻",
    "1\ufe0f\u20e3",
    " ",
    "\u200b",
    "ann\u202e",
    "a\u200d",
    "\ufeff",
  ]) {
    for (const flags of ["", "u"])
      assert.equal(
        new RegExp(portableUserName, flags).test(name),
        isUserName(name),
        `${flags} ${JSON.stringify(name)}`,
      );
  }
});

test("a pattern that only RE2 can read is left out, and others mean the same", () => {
  assert.equal(portablePattern("^[a-z]{1,3}$"), "^[a-z]{1,3}$");
  assert.equal(portablePattern("^[\\x{a0}\\x21]$"), "^[\\u00a0\\x21]$");
  for (const pattern of ["(?i)abc", "abc\\z", "[[:alpha:]]\\pN"])
    assert.equal(portablePattern(pattern), undefined, pattern);
});

test("operations, parameters and fields say what the contract's comments say", () => {
  const history = document.paths["/v1/rooms/{room}/messages"]?.["get"];
  assert.equal(history?.summary, "Page through a room's log, forward or backward");
  assert.match(history?.description ?? "", /Rule: after and before exclude each other\./);
  const after = history?.parameters?.find(({ name }) => name === "after");
  assert.equal(after?.description, "The page that follows this position.");
  const response = document.components.schemas["confab.v1.ChatResponse"] as Described;
  assert.equal(response.description, "The acknowledgement of a message: it is durable and has a position.");
  assert.match(response.properties?.["duplicate"]?.description ?? "", /^This \(room, user, id\) was stored before/);
  const every = Object.values(document.paths).flatMap((operations) => Object.values(operations));
  for (const { operationId, summary } of every) assert.ok(summary, operationId);
});

test("errors stand at their status, with their meaning", () => {
  const responses = document.paths["/v1/rooms/{room}/messages"]?.["post"]?.responses;
  assert.match(responses?.["413"]?.description ?? "", /^PAYLOAD_TOO_LARGE: /);
  assert.match(responses?.["400"]?.description ?? "", /MALFORMED_MESSAGE.*INVALID_MESSAGE/);
  assert.equal(responses?.["416"], undefined);
  assert.match(document.paths["/v1/rooms/{room}/stream"]?.["get"]?.responses["416"]?.description ?? "", /OUT_OF_RANGE/);
});

for (const [schema, path, body] of [
  ["confab.v1.ChatResponse", "/v1/rooms/hall/messages", { user: "bob", text: "hi" }],
  [
    "confab.v1.ChatResponse",
    "/v1/rooms/hall/messages",
    { user: "bob", payload: { "@type": "x/shop.Order", value: "CAE=" } },
  ],
  ["confab.v1.GetHistoryResponse", "/v1/rooms/hall/messages", undefined],
  ["confab.v1.ListRoomsResponse", "/v1/rooms", undefined],
  ["confab.v1.ListMembersResponse", "/v1/rooms/hall/members", undefined],
  ["confab.v1.MarkReadResponse", "/v1/rooms/hall/marks", { user: "bob", position: { epoch: 7, offset: "1" } }],
  ["confab.v1.ListReadMarksResponse", "/v1/rooms/hall/marks", undefined],
  ["confab.v1.SendSignalResponse", "/v1/rooms/hall/signals", { user: "bob", kind: "typing" }],
  ["ErrorReply", "/v1/rooms/hall/messages", { user: "", text: "" }],
  ["ErrorReply", "/v1/rooms/hall/messages?after=7:99", undefined],
] as const) {
  test(`what ${body ? "POST" : "GET"} ${path} answers is a ${schema}`, async () => {
    const init = body && {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
    };
    const reply = await (await fetch(server.origin + path, init)).json();
    const validate = validatorOf(schema);
    assert.ok(validate(reply), `${JSON.stringify(reply)}\n${ajv.errorsText(validate.errors)}`);
  });
}

test("the schemas refuse what the contract refuses", () => {
  const validate = validatorOf("confab.v1.ChatMessage");
  for (const bad of [
    { text: "hi" },
    { user: "" },
    { user: "x".repeat(65) },
    { user: "a\u0000" },
    { user: " " },
    { user: "ann\u202e" },
    { user: "a", room: "-" },
    { user: "a", id: "a b" },
  ]) {
    assert.equal(validate(bad), false, JSON.stringify(bad));
  }
});
