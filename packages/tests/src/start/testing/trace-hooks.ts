// Runs in the thread of Node's module hooks.
import { appendFileSync } from "node:fs";
import type { InitializeHook, ResolveHook } from "node:module";

let file = "";

export const initialize: InitializeHook<string> = (data) => {
  file = data;
};

export const resolve: ResolveHook = async (specifier, context, nextResolve) => {
  const resolved = await nextResolve(specifier, context);
  appendFileSync(file, `${resolved.url}\n`);
  return resolved;
};
