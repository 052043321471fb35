import assert from "node:assert/strict";
import { test } from "node:test";
import specs from "@asyncapi/specs";
import { PayloadTypes } from "@confab/contract";
import { Ajv } from "ajv";
import formats from "ajv-formats";
import { asyncApiDocument } from "./asyncapi.js";

interface AsyncApi {
  readonly channels: Readonly<
    Record<
      string,
      { readonly address: string; readonly messages: Readonly<Record<string, { readonly payload: object }>> }
    >
  >;
  readonly operations: Readonly<
    Record<string, { readonly action: string; readonly messages: readonly { readonly $ref: string }[] }>
  >;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

const document = asyncApiDocument({ version: "1.2.3", types: PayloadTypes.none(), isTls: false }) as AsyncApi;

test("the document is valid AsyncAPI 3.0", () => {
  const schema: object = specs.schemasWithoutId["3.0.0"];
  const ajv = new Ajv({ strict: false, allErrors: true });
  formats.default(ajv);
  const validate = ajv.compile(schema);
  assert.ok(validate(document), ajv.errorsText(validate.errors, { separator: "\n" }));
});

test("the WebSocket has its three forms at one address, and the events their own", () => {
  assert.deepEqual(
    Object.entries(document.channels).map(([key, { address }]) => `${key} ${address}`),
    ["chatPlain /chat", "chatJson /chat", "chatProtobuf /chat", "events /v1/rooms/{room}/stream"],
  );
});

test("the server receives what clients send, and sends what they hear", () => {
  const told = Object.entries(document.operations).map(([key, { action, messages }]) => {
    const names = messages.map(({ $ref }) => $ref.slice($ref.lastIndexOf("/") + 1));
    assert.ok(key.endsWith(`.${action}`));
    return `${key}: ${names.join(", ")}`;
  });
  assert.deepEqual(told, [
    "chatPlain.receive: ChatMessage",
    "chatPlain.send: ChatMessage, Error",
    "chatJson.receive: ClientFrame",
    "chatJson.send: ServerFrame",
    "chatProtobuf.receive: ClientFrame",
    "chatProtobuf.send: ServerFrame",
    "events.send: subscribed, message, error",
  ]);
});

test("every reference leads somewhere", () => {
  let references = 0;
  const look = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    if ("$ref" in value && typeof value.$ref === "string") {
      references++;
      const target = value.$ref
        .slice(2)
        .split("/")
        .reduce<unknown>((at, step) => (at as Record<string, unknown> | undefined)?.[step], document);
      assert.ok(target, value.$ref);
    }
    for (const each of Object.values(value)) look(each);
  };
  look(document);
  assert.ok(references > 50, `${references} references were followed`);
});

test("a frame says exactly one thing", () => {
  const ajv = new Ajv({ strict: true, strictRequired: false, allowUnionTypes: true });
  formats.default(ajv);
  ajv.addVocabulary(["components"]);
  ajv.addSchema({ $id: "asyncapi", components: document.components }, "asyncapi");
  const validate = ajv.compile({ $ref: "asyncapi#/components/schemas/confab.v1.ClientFrame" });
  assert.equal(
    validate({ request: 1, subscribe: { reader: { room: "lobby" } } }),
    true,
    ajv.errorsText(validate.errors),
  );
  assert.equal(validate({ request: 1, send: { user: "ann", text: "hi" }, pong: {} }), false);
  assert.equal(validate({ request: 1 }), false);
});
