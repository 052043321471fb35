import {
  type DescField,
  type DescMessage,
  type DescMethod,
  type DescService,
  getOption,
  hasOption,
} from "@bufbuild/protobuf";
import { ConfabError } from "@confab/contract";
import { AdminService } from "@confab/contract/gen/confab/v1/admin_service_pb";
import { ChatService } from "@confab/contract/gen/confab/v1/chat_service_pb";
import { http } from "@confab/contract/gen/google/api/annotations_pb";
import type { HttpRule } from "@confab/contract/gen/google/api/http_pb";
import { type FieldPath, fieldPathFrom } from "./field-path.js";

/** What a request's body is: nothing, the whole request message, or one field of it. */
export type BodyRule =
  | { readonly kind: "none" }
  | { readonly kind: "whole" }
  | { readonly kind: "field"; readonly field: DescField };

export type RouteSegment =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "variable"; readonly path: FieldPath };

/** One way to call one RPC over plain HTTP, as the contract's `google.api.http` option says. */
export interface HttpRoute {
  readonly rpc: DescMethod;
  /** In upper case. */
  readonly verb: string;
  /** As the contract writes it: `/v1/rooms/{room}/messages`. */
  readonly template: string;
  readonly segments: readonly RouteSegment[];
  readonly body: BodyRule;
}

/** A variable of the path and what stood in its place, decoded. */
export interface PathVariable {
  readonly path: FieldPath;
  readonly text: string;
}

export type RouteMatch =
  | { readonly kind: "route"; readonly route: HttpRoute; readonly variables: readonly PathVariable[] }
  /** Something lives at the path, but not for this verb. `allow`: the verbs it does have. */
  | { readonly kind: "wrong-verb"; readonly allow: readonly string[] }
  | { readonly kind: "unknown" };

/** Every HTTP route of a service. There is no other list of them: what is not in the contract is not served. */
export class HttpRoutes {
  private constructor(readonly all: readonly HttpRoute[]) {}

  /** The routes of all services of the contract. */
  static ofContract(): HttpRoutes {
    return HttpRoutes.of(ChatService, AdminService);
  }

  /**
   * Read the routes from the descriptors of services.
   *
   * @throws Error: a rule uses a part of google/api/http.proto that is not built here, or names a field that is not there.
   */
  static of(...services: readonly DescService[]): HttpRoutes {
    const routes: HttpRoute[] = [];
    for (const rpc of services.flatMap(({ methods }) => methods)) {
      if (!hasOption(rpc, http)) continue;
      const rule = getOption(rpc, http);
      for (const each of [rule, ...rule.additionalBindings]) routes.push(routeFrom(rpc, each));
    }
    return new HttpRoutes(routes);
  }

  /**
   * The route for a verb and a path, without its query. HEAD is answered by what answers GET (RFC 9110 §9.3.2).
   *
   * @throws MALFORMED_MESSAGE: a variable's percent-encoding is broken.
   */
  match(verb: string, path: string): RouteMatch {
    const parts = path.split("/").slice(1);
    const wanted = verb === "HEAD" ? "GET" : verb;
    const allow = new Set<string>();
    for (const route of this.all) {
      if (!fits(route, parts)) continue;
      if (route.verb === wanted) return { kind: "route", route, variables: variablesOf(route, parts) };
      allow.add(route.verb);
      if (route.verb === "GET") allow.add("HEAD");
    }
    return allow.size > 0 ? { kind: "wrong-verb", allow: [...allow] } : { kind: "unknown" };
  }
}

function fits({ segments }: HttpRoute, parts: readonly string[]): boolean {
  if (segments.length !== parts.length) return false;
  return segments.every((segment, index) => {
    const part = parts[index] ?? "";
    return segment.kind === "literal" ? part === segment.text : part !== "";
  });
}

function variablesOf({ segments }: HttpRoute, parts: readonly string[]): PathVariable[] {
  const variables: PathVariable[] = [];
  for (const [index, segment] of segments.entries()) {
    if (segment.kind === "variable")
      variables.push({ path: segment.path, text: percentDecoded(segment.path.name, parts[index] ?? "") });
  }
  return variables;
}

function percentDecoded(name: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new ConfabError("MALFORMED_MESSAGE", `path variable "${name}" is not percent-encoded UTF-8`, { cause });
  }
}

function routeFrom(rpc: DescMethod, rule: HttpRule): HttpRoute {
  const { pattern, body, responseBody } = rule;
  if (pattern.case === undefined || pattern.case === "custom")
    throw new Error(`${rpc.name}: custom HTTP patterns are not built`);
  if (responseBody !== "") throw new Error(`${rpc.name}: response_body is not built`);
  const template = pattern.value;
  return {
    rpc,
    verb: pattern.case.toUpperCase(),
    template,
    segments: segmentsFrom(rpc, template),
    body: bodyRuleFrom(rpc.input, body),
  };
}

function segmentsFrom(rpc: DescMethod, template: string): RouteSegment[] {
  if (!template.startsWith("/"))
    throw new Error(`${rpc.name}: the path template ${template} does not begin with a slash`);
  return template
    .slice(1)
    .split("/")
    .map((text, index, { length }): RouteSegment => {
      const name = /^\{([a-z0-9_.]+)\}$/.exec(text)?.[1];
      if (name === undefined) {
        // Wildcards, templates within variables and verbs after a variable have no use in the contract so far. A verb after
        // a literal (`messages:batch`) is a part of the path's last segment.
        if (!(index === length - 1 ? /^[^{}*=:]*(:[^{}*=:]+)?$/ : /^[^{}*=:]*$/).test(text))
          throw new Error(`${rpc.name}: "${text}" in the path template ${template} is not built`);
        return { kind: "literal", text };
      }
      const path = fieldPathFrom(rpc.input, name);
      if (!path) throw new Error(`${rpc.name}: ${rpc.input.typeName} has no field ${name}`);
      if (path.fields.length > 1)
        throw new Error(`${rpc.name}: ${name} is a field within a field, which is not built for paths`);
      return { kind: "variable", path };
    });
}

function bodyRuleFrom(input: DescMessage, body: string): BodyRule {
  if (body === "") return { kind: "none" };
  if (body === "*") return { kind: "whole" };
  const field = input.fields.find(({ name }) => name === body);
  if (!field) throw new Error(`${input.typeName} has no field ${body} for a body`);
  return { kind: "field", field };
}
