import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { cyclesIn } from "./cycles.js";
import { parseSourceFile, type SourceFile } from "./source-file.js";
import { violationsIn } from "./violations.js";

const server = "packages/server/src";

/** Files given as path → text. */
function parse(texts: Readonly<Record<string, string>>): SourceFile[] {
  return Object.entries(texts).map(([path, text]) => parseSourceFile(path, text));
}

function violationsOf(path: string, text: string): string[] {
  return violationsIn(parse({ [path]: text })).map((line) => line.slice(path.length));
}

describe("a forbidden import is found", () => {
  const cases: readonly {
    readonly title: string;
    readonly path: string;
    readonly text: string;
    readonly problem: RegExp;
  }[] = [
    {
      title: "of a transport by another",
      path: `${server}/transports/sse/stream.ts`,
      text: 'import { x } from "../rest/index.js";',
      problem: /^:1: imports \.\.\/rest\/index\.js: no arrow from transports\/sse to transports\/rest$/,
    },
    {
      title: "of an engine by core, for a type alone",
      path: `${server}/core/hub.ts`,
      text: '\nimport type { Store } from "../engines/embedded/store.js";',
      problem: /^:2: .*no arrow from core to engines\/embedded$/,
    },
    {
      title: "in the middle of a type",
      path: `${server}/http/port.ts`,
      text: 'let hub: import("../core/index.js").Hub;',
      problem: /no arrow from http to core$/,
    },
    {
      title: "by a re-export",
      path: `${server}/service/index.ts`,
      text: 'export { port } from "../http/port.js";',
      problem: /no arrow from service to http$/,
    },
    {
      title: "by import()",
      path: "packages/client/src/link.ts",
      text: 'const server = await import("@confab/server");',
      problem: /no arrow from client to library$/,
    },
    {
      title: "by an import() that is computed",
      path: `${server}/core/hub.ts`,
      text: "const module = await import(name);",
      problem: /imports \(computed\)/,
    },
    {
      title: "of core's code by a transport, which may have its types",
      path: `${server}/transports/rpc/call.ts`,
      text: 'import { type Sink } from "../../core/index.js";\nimport { Hub } from "../../core/index.js";',
      problem: /^:2: .*no arrow from transports\/rpc to core, except for types$/,
    },
    {
      title: "of the hub by a transport, for its type alone",
      path: `${server}/transports/rest/adapter.ts`,
      text: 'import type { Hub as Rooms } from "../../core/index.js";',
      problem: /^:1: imports Hub of core, which belongs to .*operations are the one way/,
    },
    {
      title: "of all of core by a transport",
      path: `${server}/transports/rest/adapter.ts`,
      text: 'import type * as core from "../../core/index.js";',
      problem: /^:1: imports \* of core/,
    },
    {
      title: "of the engine by frames",
      path: `${server}/service/frames/serve-out.ts`,
      text: 'let log: import("../../core/index.js").Engine["log"];',
      problem: /^:1: imports Engine of core/,
    },
    {
      title: "of another package by its path",
      path: "packages/cli/src/main.ts",
      text: 'import { serve } from "../../server/src/server/serve.js";',
      problem: /of another package by path, not by its name$/,
    },
    {
      title: "of a helper for tests by code that ships",
      path: `${server}/service/session.ts`,
      text: 'import { fake } from "../testing/fake-exchange.js";',
      problem: /which is for tests$/,
    },
    {
      title: "of a test by code that ships",
      path: `${server}/service/session.ts`,
      text: 'import { fake } from "./other.test.js";',
      problem: /which is for tests$/,
    },
    {
      title: "of a module of Node by core",
      path: `${server}/core/room.ts`,
      text: 'import { EventEmitter } from "node:events";',
      problem: /core may import of outside modules none$/,
    },
    {
      title: "of LMDB outside of its engine",
      path: `${server}/service/history.ts`,
      text: 'import { open } from "lmdb";',
      problem: /belongs to engines\/embedded/,
    },
    {
      title: "of what is below the Exchange by a transport",
      path: `${server}/transports/rest/routes.ts`,
      text: 'import type { ServerHttp2Stream } from "node:http2";',
      problem: /belongs to http(?:, hook-clients)?: transports know the Exchange/,
    },
    {
      title: "from a folder of the server that nobody has drawn",
      path: `${server}/gossip/index.ts`,
      text: "",
      problem: /in no place of the picture$/,
    },
    {
      title: "from a package that nobody has drawn",
      path: "packages/extra/src/index.ts",
      text: "",
      problem: /in no place of the picture$/,
    },
  ];
  for (const { title, path, text, problem } of cases) {
    test(title, () => {
      const found = violationsOf(path, text);
      assert.equal(found.length, 1, found.join("\n"));
      assert.match(found[0] ?? "", problem);
    });
  }
});

describe("a forbidden global is found", () => {
  const inCore = [
    "process.nextTick(run)",
    "Date.now()",
    "new Date()",
    "globalThis.Date.now()",
    "setTimeout(run, 1)",
    "clock.after(setInterval)",
    "setImmediate(run)",
    "Math.random()",
    "performance.now()",
    "crypto.randomUUID()",
    "const { env } = process",
    "let timer: ReturnType<typeof setTimeout>",
  ];
  for (const text of inCore) {
    test(`in core: ${text}`, () => {
      assert.equal(violationsOf(`${server}/core/room.ts`, `${text};`).length, 1);
    });
  }

  test("the environment, outside of composition and the command", () => {
    assert.equal(violationsOf(`${server}/service/history.ts`, "read(process.env.HOME, process.pid);").length, 1);
    assert.equal(violationsOf(`${server}/http/port.ts`, 'read(process["env"].HOME);').length, 1);
    assert.deepEqual(violationsOf(`${server}/server/config.ts`, "read(process.env.HOME);"), []);
    assert.deepEqual(violationsOf("packages/cli/src/main.ts", 'read(process.env["HOME"]);'), []);
  });
});

describe("what the picture allows is left alone", () => {
  test("arrows of the picture, a place's own files, outside modules", () => {
    const text = `
      import { limits } from "@confab/contract/limits";
      import { respondError } from "../../http-reply/index.js";
      import { gzip } from "node:zlib";
      import { route } from "./route.js";
      import type { Sink } from "../../core/index.js";
    `;
    assert.deepEqual(violationsOf(`${server}/transports/rest/index.ts`, text), []);
  });

  test("names that only look like the globals", () => {
    const text = `
      import type { Clock } from "./ports.js";
      // setTimeout(run, 1) and Date.now() in a comment
      export interface Timers { setTimeout(run: () => void): void; readonly process: number }
      export const read = (clock: Clock) => clock.performance.now() + clock.setTimeout + new Date(0).getTime();
      export const text = "process.env and Math.random()";
    `;
    assert.deepEqual(violationsOf(`${server}/core/room.ts`, text), []);
  });

  test("helpers for tests in the whole-system tests", () => {
    const text = 'import { random } from "@confab/contract/testing/random";';
    assert.deepEqual(violationsOf("packages/tests/src/fuzz/fuzz.ts", text), []);
  });

  test("anything in tests and in their helpers", () => {
    assert.deepEqual(violationsOf(`${server}/core/room.test.ts`, 'import { open } from "lmdb"; Date.now();'), []);
    assert.deepEqual(violationsOf(`${server}/testing/fake.ts`, 'import { x } from "../transports/rest/x.js";'), []);
  });
});

test("a file that is not TypeScript stops the check, so that it cannot pass as one without imports", () => {
  assert.throws(() => parseSourceFile("packages/cli/src/main.ts", "import {"), /packages\/cli\/src\/main\.ts: /);
});

test("a cycle is found once, by imports of code and of types, and a diamond is none", () => {
  const files = parse({
    "packages/client/src/b.ts": 'import type { C } from "./c.js";',
    "packages/client/src/c.tsx": 'export { a } from "./a.js";',
    "packages/client/src/a.ts": 'import { b } from "./b.js"; import { d } from "./d.js";',
    "packages/client/src/d.ts": 'import { e } from "./e.js";',
    "packages/client/src/e.ts": "",
    "packages/client/src/f.ts": 'import { d } from "./d.js"; import { e } from "./e.js";',
    "packages/client/src/self.ts": 'import { self } from "./self.js";',
  });
  const folder = "packages/client/src";
  assert.deepEqual(cyclesIn(files), [
    `${folder}/a → ${folder}/b → ${folder}/c → ${folder}/a`,
    `${folder}/self → ${folder}/self`,
  ]);
});
