import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { createContext, runInContext } from "node:vm";
import type * as sdk from "@confab/client";
import { WebSocket } from "ws";
import { parseSourceFile } from "../arrows/source-file.js";
import { mustRun } from "../fixture/run-program.js";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { bundledClient } from "../foreign/page-bundle.js";

// Browsers lack different things: AbortSignal.any before Safari 17.4, crypto.randomUUID on a page from plain HTTP, streams and
// text codecs in React Native. What the client uses is read out of its bundle and taken away, one thing after the other.

const transports = ["websocket-proto", "websocket-json", "connect", "grpc-web", "sse"] as const;

/** Members of ECMAScript's own objects that every browser has whose syntax is new enough for the bundle. */
const oldMembers = new Set(
  `Array.from Array.isArray Date.now JSON.parse JSON.stringify Math.ceil Math.floor Math.max Math.min Math.random Math.round
  Number.MAX_SAFE_INTEGER Number.POSITIVE_INFINITY Number.isInteger Number.isNaN Number.isSafeInteger Number.parseFloat
  Object.assign Object.defineProperty Object.entries Object.freeze Object.fromEntries Object.keys Object.prototype Promise.all Promise.race
  Promise.reject Promise.resolve String.fromCharCode Symbol.asyncIterator Symbol.iterator Symbol.toStringTag Uint8Array.from`.split(
    /\s+/,
  ),
);

/** Of prototypes, which a bundle does not name: what is newer than the bundle's syntax. */
const newMethods = ["Array.prototype.at"];

/** Every host of JavaScript has them. */
const timers = new Set(["setTimeout", "clearTimeout", "setInterval", "clearInterval", "console", "globalThis"]);

/** A global object with what Node has, and `ws` for what it may lack. */
function hostGlobals(): Record<string, unknown> {
  const globals: Record<string, unknown> = {};
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    // Some are made when they are first read, and warn that they are experimental.
    Object.defineProperty(globals, name, { get: () => Reflect.get(globalThis, name), configurable: true });
  }
  return Object.defineProperty(globals, "WebSocket", { value: WebSocket, configurable: true });
}

/** The paths from the global object that a script uses and a browser may lack. */
function usedBy(script: string): string[] {
  const language = new Set(runInContext("Object.getOwnPropertyNames(globalThis)", createContext()) as string[]);
  const host = hostGlobals();
  const used = new Set(newMethods);
  for (const { text } of parseSourceFile("bundle.js", script).chains) {
    const [root = "", member] = text.replace(/^new |^globalThis\.|\(.*$/g, "").split(".");
    if (!(root in host) || timers.has(root)) continue;
    if (!language.has(root)) used.add(root);
    const path = `${root}.${member}`;
    if (member !== undefined && Reflect.has(Object(host[root]), member) && !oldMembers.has(path)) used.add(path);
  }
  return [...used].sort();
}

/** The same object, in which one member is not there. */
function without(target: unknown, member: string): unknown {
  return new Proxy(target as object, {
    has: (object, key) => key !== member && Reflect.has(object, key),
    get: (object, key) => {
      if (key === member) return undefined;
      const value: unknown = Reflect.get(object, key, object);
      // Methods of the platform's objects are called on the object itself. A prototype is not a method.
      return typeof value === "function" && key !== "constructor" ? value.bind(object) : value;
    },
  });
}

/** Run the client's script where one thing is missing of those that it uses. */
function importWithout(script: string, used: readonly string[], missing: string): typeof sdk {
  const globals = hostGlobals();
  const [root = "", ...rest] = missing.split(".");
  const member = rest.at(-1);
  if (member === undefined) delete globals[root];
  else {
    const value = rest.length === 1 ? without(globals[root], member) : { prototype: without(Array.prototype, member) };
    Object.defineProperty(globals, root, { value });
  }
  // What it names is given to it by name. Arrays stay as they are: what they lack has to be looked for.
  const names = [...new Set(used.map((path) => path.split(".")[0] ?? ""))].filter((name) => name !== "Array");
  const run = new Function("globalThis", ...names, `${script}\nreturn bundled;`);
  return run(globals, ...names.map((name) => globals[name])) as typeof sdk;
}

describe("on a platform that lacks something", { timeout: 100_000 }, () => {
  let server: ServerProcess;
  let script: string;
  let used: string[];

  before(async () => {
    server = await startServerProcess();
    script = await bundledClient("iife");
    used = usedBy(script);
  });
  after(() => server.stop());

  /** Whether the client works; otherwise the TypeError of `connect`. Anything else is thrown. */
  async function outcomeOf(
    { connect }: typeof sdk,
    transport: (typeof transports)[number],
  ): Promise<TypeError | "works"> {
    let client: sdk.Client;
    try {
      client = connect({ url: server.url, user: "ann", transport });
    } catch (error) {
      assert.ok(error instanceof TypeError, String(error));
      return error;
    }
    try {
      const room = client.room(`room-${randomUUID()}`);
      const failed = new Promise<never>((_resolve, reject) => {
        client.on("state", (state) => {
          if ("error" in state) reject(state.error);
        });
      });
      const received = room.messages()[Symbol.asyncIterator]().next();
      const live = new Promise<void>((resolve) => client.on("state", ({ name }) => name === "live" && resolve()));
      await Promise.race([live, failed]);
      await Promise.race([room.send("grüß dich 🌍"), failed]);
      const { value } = await Promise.race([received, failed]);
      assert.equal(value?.text, "grüß dich 🌍");
      return "works";
    } finally {
      client.close();
    }
  }

  it("finds in the bundle what it is known to use", () => {
    for (const path of ["AbortController", "TextDecoder", "WebSocket", "fetch", "crypto"])
      assert.ok(used.includes(path), path);
  });

  it("works without all that is newer than the oldest browsers of its README", async () => {
    const program = fileURLToPath(new URL("./old-platform.js", import.meta.url));
    const printed = await mustRun(process.execPath, [program, server.url], { input: script });
    assert.deepEqual(printed.trim().split("\n"), [
      "websocket-proto",
      "websocket-json",
      "websocket-plain",
      "connect",
      "grpc-web",
      "sse",
    ]);
  });

  for (const transport of transports) {
    it(`over ${transport} works without it, or \`connect\` says what is missing`, async (t) => {
      const needed: string[] = [];
      for (const missing of used) {
        const outcome = await outcomeOf(importWithout(script, used, missing), transport).catch((cause: unknown) => {
          throw new Error(`without ${missing}: ${cause}`, { cause });
        });
        if (outcome === "works") continue;
        assert.ok(outcome.message.includes(`transport ${transport} needs ${missing}, which`), outcome.message);
        needed.push(missing);
      }
      t.diagnostic(`needed: ${needed.join(", ")}`);
      t.diagnostic(`not needed: ${used.filter((each) => !needed.includes(each)).join(", ")}`);
    });
  }
});
