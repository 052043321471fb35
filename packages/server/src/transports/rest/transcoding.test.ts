import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { ConfabError } from "@confab/contract";
import type { HttpRuleSchema } from "@confab/contract/gen/google/api/http_pb";
import { HttpRoutes } from "../../service/http-routes.js";
import { ruleService } from "../../testing/rule-service.js";
import { requestJsonFrom } from "./transcoding.js";

type Rule = MessageInitShape<typeof HttpRuleSchema>;

const byQuery: Rule = { pattern: { case: "get", value: "/a" } };
const byPath: Rule = { pattern: { case: "get", value: "/a/{name}/{big}" } };
const wholeBody: Rule = { pattern: { case: "post", value: "/a/{name}" }, body: "*" };
const innerBody: Rule = { pattern: { case: "post", value: "/a" }, body: "inner" };

function requestOf(rule: Rule, path: string, query = "", body = ""): unknown {
  const routes = HttpRoutes.of(ruleService(rule));
  const match = routes.match(rule.pattern?.case?.toUpperCase() ?? "", path);
  assert.equal(match.kind, "route");
  return requestJsonFrom({ ...match, query, body: Buffer.from(body) });
}

for (const [query, expected] of [
  ["", {}],
  ["&&", {}],
  ["name", { name: "" }],
  ["name=", { name: "" }],
  ["name=a+b%20c%2B%26", { name: "a b c+&" }],
  ["name=a=b", { name: "a=b" }],
  ["n%61me=x", { name: "x" }],
  ["nums=&is_flag=&big=&pos=&at=", {}],
  ["nums=1&nums=-2", { nums: ["1", "-2"] }],
  ["hue=BLUE", { hue: "BLUE" }],
  ["hue=1", { hue: 1 }],
  ["is_flag=true", { isFlag: true }],
  ["isFlag=false", { isFlag: false }],
  ["big=-9223372036854775808", { big: "-9223372036854775808" }],
  ["at=2026-01-02T03:04:05Z", { at: "2026-01-02T03:04:05Z" }],
  ["pos=3:4", { pos: { epoch: 3, offset: "4" } }],
  ["pos.epoch=3&pos.offset=4", { pos: { epoch: "3", offset: "4" } }],
  ["inner.inner.name=deep&inner.is_flag=true", { inner: { inner: { name: "deep" }, isFlag: true } }],
  ["inner.pos=3:4", { inner: { pos: { epoch: 3, offset: "4" } } }],
  ["unknown=1&inner.unknown=2&name.unknown=3&.=4&__proto__=5&inner.__proto__.name=6", {}],
] as const) {
  test(`the query "${query}" is ${JSON.stringify(expected)}`, () =>
    assert.deepEqual(requestOf(byQuery, "/a", query), expected));
}

for (const [query, message] of [
  ["nums=1&nums=x", 'query parameter "nums": "x" is not of type int32'],
  ["nums=2147483648", 'query parameter "nums": "2147483648" is not of type int32'],
  ["hue=GREEN", 'query parameter "hue": "GREEN" is not of type test.Hue'],
  ["is_flag=1", 'query parameter "is_flag": "1" is not of type bool'],
  ["isFlag=TRUE", 'query parameter "is_flag": "TRUE" is not of type bool'],
  ["big=9223372036854775808", 'query parameter "big": "9223372036854775808" is not of type int64'],
  ["big=1.5", 'query parameter "big": "1.5" is not of type int64'],
  ["at=yesterday", 'query parameter "at": "yesterday" is not of type google.protobuf.Timestamp'],
  ["pos=3", 'query parameter "pos": "3" is not of type position, which is epoch:offset'],
  ["pos=0:1", 'query parameter "pos": "0:1" is not of type position, which is epoch:offset'],
  ["inner.pos=x", 'query parameter "inner.pos": "x" is not of type position, which is epoch:offset'],
  ["inner=x", 'query parameter "inner": "x" is not of type test.Node'],
  ["at=2026-01-02T03:04:05Z&at.seconds=1", 'query parameter "at.seconds": "1" is not of type int64'],
  ["pos.offset=1&pos=3:4", 'query parameter "pos" is given twice'],
  ["name=a&name=b", 'query parameter "name" is given twice'],
] as const) {
  test(`the query "${query}" is malformed, and the error says where`, () => {
    assert.throws(
      () => requestOf(byQuery, "/a", query),
      (error) => error instanceof ConfabError && error.code === "MALFORMED_MESSAGE" && error.message === message,
    );
  });
}

test("path variables follow the types of their fields, and what the path sets is ignored in the query", () => {
  assert.deepEqual(requestOf(byPath, "/a/x%2Fy/12", "name=z&big=nonsense"), { name: "x/y", big: "12" });
  assert.throws(() => requestOf(byPath, "/a/x/y"), /path variable "big": "y" is not of type int64/);
});

test("with the whole message in the body, the query is ignored and the path wins in both spellings", () => {
  const body = '{"name":"body","isFlag":true,"extra":{"kept":1}}';
  assert.deepEqual(requestOf(wholeBody, "/a/path", "isFlag=nonsense", body), {
    name: "path",
    isFlag: true,
    extra: { kept: 1 },
  });
});

test("an empty body is an empty message", () => {
  assert.deepEqual(requestOf(wholeBody, "/a/path"), { name: "path" });
  assert.deepEqual(requestOf(innerBody, "/a"), {});
});

test("with one field in the body, the rest is in the query", () => {
  assert.deepEqual(requestOf(innerBody, "/a", "name=q&inner.name=ignored", '{"name":"b"}'), {
    name: "q",
    inner: { name: "b" },
  });
});
