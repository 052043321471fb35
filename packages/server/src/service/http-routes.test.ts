import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { ConfabError } from "@confab/contract";
import { type HttpRule, HttpRuleSchema } from "@confab/contract/gen/google/api/http_pb";
import { ruleService } from "../testing/rule-service.js";
import { HttpRoutes } from "./http-routes.js";

const routes = HttpRoutes.ofContract();

test("the contract's routes are exactly these", () => {
  assert.deepEqual(
    routes.all.map(({ verb, template, rpc, body }) => `${verb} ${template} ${rpc.name} ${body.kind}`),
    [
      "POST /v1/rooms/{room}/messages SendMessage whole",
      "POST /v1/rooms/{room}/messages:batch SendMessages whole",
      "POST /v1/rooms/{room}/messages:edit EditMessage whole",
      "POST /v1/rooms/{room}/messages:delete DeleteMessage whole",
      "POST /v1/rooms/{room}/messages:react React whole",
      "GET /v1/rooms/{room}/stream StreamMessages none",
      "GET /v1/rooms/{room}/messages GetHistory none",
      "GET /v1/rooms ListRooms none",
      "GET /v1/rooms/{room}/members ListMembers none",
      "POST /v1/rooms/{room}/marks MarkRead whole",
      "GET /v1/rooms/{room}/marks ListReadMarks none",
      "POST /v1/rooms/{room}/signals SendSignal whole",
      "POST /v1/admin/revocations Revoke whole",
      "GET /v1/admin/revocations ListRevocations none",
      "POST /v1/admin/erasures EraseMessage whole",
      "GET /v1/admin/connections ListConnections none",
      "POST /v1/admin/disconnections Disconnect whole",
      "POST /v1/admin/rooms:delete DeleteRoom whole",
      "POST /v1/admin/users:erase EraseUser whole",
      "POST /v1/admin/rooms/{room}/retention SetRoomRetention whole",
      "GET /v1/admin/rooms/{room}/retention GetRoomRetention none",
      "POST /v1/admin/messages Publish whole",
      "POST /v1/admin/scrub Scrub whole",
    ],
  );
});

for (const [verb, path, expected] of [
  ["GET", "/v1/rooms", "ListRooms"],
  ["HEAD", "/v1/rooms", "ListRooms"],
  ["GET", "/v1/rooms/lobby/messages", "GetHistory room=lobby"],
  ["POST", "/v1/rooms/lobby/messages", "SendMessage room=lobby"],
  ["POST", "/v1/rooms/lobby/messages:batch", "SendMessages room=lobby"],
  ["GET", "/v1/rooms/lobby/messages:batch", "wrong verb: POST"],
  ["POST", "/v1/rooms/lobby/messages:other", "unknown"],
  ["GET", "/v1/rooms/a%20b%2Fc/members", "ListMembers room=a b/c"],
  ["GET", "/v1/rooms/%E2%82%AC/members", "ListMembers room=€"],
  ["DELETE", "/v1/rooms/lobby/messages", "wrong verb: POST, GET, HEAD"],
  ["HEAD", "/v1/rooms/lobby/signals", "wrong verb: POST"],
  ["get", "/v1/rooms", "wrong verb: GET, HEAD"],
  ["GET", "/v1/rooms/", "unknown"],
  ["GET", "/v1/rooms//messages", "unknown"],
  ["GET", "/v1/rooms/lobby/messages/", "unknown"],
  ["GET", "/v1/rooms/a/b/messages", "unknown"],
  ["GET", "/v1", "unknown"],
  ["GET", "/", "unknown"],
  ["GET", "", "unknown"],
  ["OPTIONS", "*", "unknown"],
] as const) {
  test(`${verb} ${path || "(empty)"} is ${expected}`, () => assert.equal(matched(routes, verb, path), expected));
}

test("a path variable with broken percent-encoding is malformed, and named", () => {
  for (const path of ["/v1/rooms/%zz/messages", "/v1/rooms/%ff/messages", "/v1/rooms/%/messages"]) {
    assert.throws(
      () => routes.match("GET", path),
      (error) => error instanceof ConfabError && error.code === "MALFORMED_MESSAGE" && /"room"/.test(error.message),
    );
  }
});

test("additional bindings are routes too, and a body may be one field", () => {
  const service = ruleService({
    pattern: { case: "put", value: "/a/{name}" },
    body: "inner",
    additionalBindings: [create(HttpRuleSchema, { pattern: { case: "patch", value: "/b/{name}/c" } })],
  });
  const own = HttpRoutes.of(service);
  assert.equal(matched(own, "PUT", "/a/x"), "Call name=x");
  assert.equal(matched(own, "PATCH", "/b/x/c"), "Call name=x");
  assert.deepEqual(
    own.all.map(({ body }) => (body.kind === "field" ? body.field.name : body.kind)),
    ["inner", "none"],
  );
});

for (const [why, rule] of [
  ["a wildcard", { pattern: { case: "get", value: "/a/**" } }],
  ["a template within a variable", { pattern: { case: "get", value: "/a/{name=b/*}" } }],
  ["a verb after a variable", { pattern: { case: "get", value: "/a/{name}:do" } }],
  ["a verb before the end of the path", { pattern: { case: "get", value: "/a:do/{name}" } }],
  ["an empty verb", { pattern: { case: "get", value: "/a:" } }],
  ["two verbs", { pattern: { case: "get", value: "/a:do:it" } }],
  ["a field that is not there", { pattern: { case: "get", value: "/a/{nobody}" } }],
  ["a field within a field in the path", { pattern: { case: "get", value: "/a/{inner.name}" } }],
  ["a body field that is not there", { pattern: { case: "post", value: "/a" }, body: "nobody" }],
  ["a response body", { pattern: { case: "get", value: "/a" }, responseBody: "name" }],
  [
    "a custom pattern",
    { pattern: { case: "custom", value: { $typeName: "google.api.CustomHttpPattern", kind: "*", path: "/a" } } },
  ],
] as const satisfies readonly (readonly [string, Partial<HttpRule>])[]) {
  test(`a rule with ${why} stops the start`, () => {
    assert.throws(() => HttpRoutes.of(ruleService(rule)), /Call|has no field/);
  });
}

function matched(table: HttpRoutes, verb: string, path: string): string {
  const match = table.match(verb, path);
  switch (match.kind) {
    case "unknown":
      return "unknown";
    case "wrong-verb":
      return `wrong verb: ${match.allow.join(", ")}`;
    case "route":
      return [match.route.rpc.name, ...match.variables.map(({ path, text }) => `${path.name}=${text}`)].join(" ");
  }
}
