import assert from "node:assert/strict";
import { test } from "node:test";
import { type LogOptions, openLog } from "./log.js";

function logOf(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const stream = { write: (line: string) => lines.push(line) > 0 };
  return { log: openLog(stream, { level: "info", format: "json", ...options }), lines };
}

const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl";

test("a line of JSON has time, level, message and facts, and the whole stack of an error with its cause", () => {
  const { log, lines } = logOf();
  log.warn({ port: 1 }, "hello");
  const { time, ...line } = JSON.parse(lines[0] ?? "") as Record<string, unknown>;
  assert.deepEqual(line, { level: "warn", port: 1, message: "hello" });
  assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  log.error({ err: new Error("outer", { cause: new TypeError("inner") }) }, "a bug");
  const { err } = JSON.parse(lines[1] ?? "") as { err: string };
  assert.match(err, /^Error: outer\n {4}at [\s\S]*caused by: TypeError: inner\n {4}at /);
});

test("a line for people has the time of day, the level unless it is info, and no control characters of strangers", () => {
  const { log, lines } = logOf({ format: "text" });
  log.info({ reason: "a\u001b[2Jb\nc", user: 'x" audit=done', empty: "", names: ["x"] }, "hello");
  log.error({ err: new Error("outer") }, "a bug");
  assert.match(
    lines[0] ?? "",
    /^\d\d:\d\d:\d\d hello reason="a\\u001b\[2Jb\\nc" user="x\\" audit=done" empty="" names=\["x"\]\n$/,
  );
  assert.match(lines[1] ?? "", /^\d\d:\d\d:\d\d error: a bug err=Error: outer\n {4}at /);
});

test("lines below the level are not written; the level can change", () => {
  const { log, lines } = logOf({ level: "warn" });
  log.info({}, "one");
  log.warn({}, "two");
  log.level = "silent";
  log.error({}, "three");
  log.level = "info";
  log.info({}, "four");
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { message: string }).message),
    ["two", "four"],
  );
});

for (const format of ["json", "text"] as const) {
  test(`tokens, payloads, passwords and queries are not in the log (${format})`, () => {
    const { log, lines } = logOf({ format });
    log.info({ token: "t-secret", headers: { authorization: "Bearer a-secret", cookie: "c-secret" } }, "one");
    log.info({ call: { message: { payload: "p-secret" } } }, "two");
    log.error({ err: new Error(`unexpected ${jwt} in header`) }, `confab.token.${jwt}`);
    log.info(
      { url: "https://id.example/keys?access_token=q-secret&x=1" },
      "GET http://ann:u-secret@chat.example/a?k=q-secret b",
    );
    log.info({ reason: 'the page "http://chat.example/?k=q-secret" is refused' }, "three");
    const all = lines.join("");
    assert.doesNotMatch(all, /secret|eyJ/);
    assert.match(all, /https:\/\/id\.example\/keys\?\(hidden\)/);
    assert.match(all, /http:\/\/\(hidden\)@chat\.example\/a\?\(hidden\) b/);
    assert.match(all, /unexpected \(token\) in header/);
    if (format === "json") for (const line of lines) assert.doesNotThrow(() => JSON.parse(line), line);
  });
}
