// `npm run docs`: writes the pages that are generated from the contract's tables, and the figures of all documents. The check calls `checkDocs`.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "./files.mjs";
import { renderResults } from "./results.mjs";

/** @typedef {import("./steps.mjs").StepResult} StepResult */

/**
 * Compares the generated pages with the ones in the repository.
 *
 * @returns {Promise<StepResult>}
 */
export async function checkDocs() {
  /** @type {string[]} */
  const stale = [];
  for (const [path, text] of await renderPages()) {
    if ((await readOptional(path)) !== text) stale.push(path);
  }
  if (stale.length === 0) return { isGood: true, text: "" };
  return { isGood: false, text: [...stale, "run: npm run docs"].join("\n") };
}

async function writeDocs() {
  for (const [path, text] of await renderPages()) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
    console.log(path);
  }
}

/** @returns {Promise<[path: string, text: string][]>} */
async function renderPages() {
  // Loaded here, not at the top: the check builds the contract first.
  const { errorKinds, connectCodeFrom } = await import("../packages/contract/dist/errors.js");
  const { errorMeanings } = await import("../packages/contract/dist/error-meanings.js");
  const { limits } = await import("../packages/contract/dist/limits.js");
  const { settingsTable, settingsTableHead } = await import("../packages/cli/dist/config/page.js");
  return [
    ["docs/errors.md", errorsPage(errorKinds, errorMeanings, connectCodeFrom)],
    ["docs/limits.md", limitsPage(limits)],
    ["docs/configuration.md", configurationPage(settingsTableHead, settingsTable())],
    ...(await renderResults()),
  ];
}

/**
 * @param {Record<string, import("../packages/contract/dist/errors.js").ErrorKind>} errorKinds
 * @param {Readonly<Record<string, string>>} errorMeanings
 * @param {typeof import("../packages/contract/dist/errors.js").connectCodeFrom} connectCodeFrom
 */
function errorsPage(errorKinds, errorMeanings, connectCodeFrom) {
  const rows = Object.entries(errorKinds).map(([code, kind]) => [
    `\`${code}\``,
    errorMeanings[code] ?? "",
    `\`${kind.grpc}\``,
    String(kind.http),
    `\`${connectCodeFrom(kind.grpc)}\``,
    kind.close === undefined ? "error frame" : `close ${kind.close}`,
    kind.retry ? "yes" : "no",
  ]);
  return page("Errors", "packages/contract/src/errors.ts and error-meanings.ts", [
    "Every error that a client can see, and the form it takes on each transport. Retry says whether the same request may",
    "succeed later. On a WebSocket an error frame leaves the connection open; a close code ends it.",
    "",
    ...table(["code", "meaning", "gRPC status", "HTTP", "Connect code", "WebSocket", "retry"], rows),
  ]);
}

/** @param {Record<string, import("../packages/contract/dist/limits.js").Limit>} limits */
function limitsPage(limits) {
  const rows = Object.entries(limits).map(([name, limit]) => [
    `\`${name}\``,
    limit.meaning,
    ...[limit.fallback, limit.min, limit.max].map((value) => value.toLocaleString("en-US")),
    limit.isReloadable ? "reload" : "restart",
  ]);
  return page("Limits", "packages/contract/src/limits.ts", [
    "Every bound that protects the server. The name is the configuration key and stands in error messages; its last word",
    "is the unit. Some change by a reload (SIGHUP), for new requests and connections; the others by a restart.",
    "",
    "**Pings.** A client may send pings at any interval: they are answered, and count only towards `maxControlFrames`, so 100 a",
    "second are tolerated for ever. gRPC's `too_many_pings` is never sent: keepalive settings of gRPC clients need no change. The",
    "server itself pings an HTTP/2 connection or a WebSocket after `pingIntervalMs` of silence, and ends it when nothing",
    "has come from the client for `readerStallMs`. A client that is slow but takes bytes is not ended.",
    "",
    "**Nesting.** Two bounds are fixed. JSON is read at most 100 levels deep, where a level is an object or a list. A payload of a",
    "type that the server knows may have at most 60 levels in JSON, and 100 messages within each other in Protobuf. What is deeper is",
    "refused with `MALFORMED_MESSAGE`.",
    "",
    "**Streams that are cancelled.** On HTTP/2 a client may cancel any number of streams that were answered. Those that were not",
    "count towards `maxResets`; a gateway that carries many users may need more.",
    "",
    "**Errors.** A WebSocket or a Converse stream belongs to one client, so it ends when that client causes more than",
    "`maxErrors`. An HTTP connection may carry the requests of many users behind a proxy, and errors never end it: a bad request",
    "is accounted for like a good one (decision 0020).",
    "",
    ...table(["name", "what it bounds", "default", "lowest", "highest", "changes by"], rows),
  ]);
}

/**
 * @param {readonly string[]} head
 * @param {readonly (readonly string[])[]} rows
 */
function configurationPage(head, rows) {
  return page("Configuration", "packages/cli/src/config/settings.ts", [
    "Every setting of `confab serve` has one name. It is given in one of these ways, the strongest first:",
    "",
    "1. on the command line: `--auth-key FILE`",
    "2. in the environment: `CONFAB_AUTH_KEY=FILE`",
    "3. in a file that `--config FILE` or `CONFAB_CONFIG` names: `auth-key: FILE`",
    "4. by its default",
    "",
    "`confab serve --print-config` prints every setting with its value and its origin, and ends. What it prints can be used as a file;",
    "with `--json` it is JSON. Secrets are left out: give them again.",
    "",
    "```yaml",
    "# confab.yaml",
    "host: 0.0.0.0",
    "auth-key: /run/secrets/confab/key",
    "engine-file: /run/secrets/confab/engine",
    "allow-host: [chat.example, '*.chat.example']",
    "retention-age: 30d",
    "limits:",
    "  maxMessageBytes: 16384",
    "```",
    "",
    "**Lists.** On the command line the option is repeated, in the environment there are commas between the values, in the file it is a",
    "list. The list of a stronger source replaces the whole list of a weaker one.",
    "",
    "**Switches.** `--allow-anyone` switches on, `--no-allow-anyone` takes back what a weaker source has switched on. In the",
    "environment and in the file the value is `true` or `false`.",
    "",
    "**Limits** are in [limits.md](limits.md): `--limit maxRooms=N`, `CONFAB_LIMIT_MAX_ROOMS=N`, and in the file `maxRooms: N` below",
    "`limits`. Each limit is taken from its strongest source by itself.",
    "",
    "**Paths** in the file are relative to the folder of the file, all others to the working directory.",
    "",
    "**Secrets.** Other users of a machine can read the command line of a program. The URL of a Redis with a password belongs in a",
    "variable or in a separate file, such as a mounted secret: `engine-file`. One line break at the end of such a file does not count.",
    "",
    "**SIGHUP** reads the file and the files that settings name again; the table says what a running server takes over, and the last",
    "column of [limits.md](limits.md) which limits. What cannot be used is logged and changes nothing; a setting that has changed and",
    "needs a restart is named in the log. What callers have opened with a key that is gone ends at once. A",
    "server without TLS, keys, audit log and file ends on SIGHUP, as other programs do.",
    "",
    "**Logs** go to standard error. Tokens, payloads, passwords of URLs and queries of URLs are left out. The audit log says which callers",
    "were refused (who, from where, by which transport, what, in which room, and the `X-Request-Id` of a proxy) and which administered the",
    "server. It is part of the log, or with `audit-log` a separate file with mode 0600; after a rotation SIGHUP opens a new one. In ten",
    "seconds a verified user causes five lines at most, and all of them twenty; so do an address and all callers without a verified user.",
    "The next line has the number of those left out.",
    "",
    "**Mistakes.** The server does not start with a value that it cannot use, with an unknown option or key, or with a key that is in the",
    "file twice; the error names the option, the variable, or the line of the file. A variable that is set to nothing is an error too,",
    "unless a stronger source has the setting. An unknown variable that looks like a mistyped one is a warning: other programs may use",
    "names that begin with `CONFAB_`. One that begins like a setting of who may connect (`CONFAB_AUTH…`, `CONFAB_TLS…`, `CONFAB_RULES…`) is an",
    "error, and so is `…_FILE` behind a setting that takes no file. `CONFAB_PORT=tcp://…` is ignored: Kubernetes sets it in every pod for a service called `confab`.",
    "",
    ...table(head, rows),
  ]);
}

/**
 * @param {string} title
 * @param {string} source
 * @param {readonly string[]} lines
 */
function page(title, source, lines) {
  return [`# ${title}`, "", `<!-- Generated from ${source} by \`npm run docs\`. -->`, "", ...lines, ""].join("\n");
}

/**
 * @param {readonly string[]} head
 * @param {readonly (readonly string[])[]} rows
 */
function table(head, rows) {
  return [head, head.map(() => "---"), ...rows].map(
    (cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`,
  );
}

/** @param {string} path */
async function readOptional(path) {
  try {
    return await readFile(join(root, path), "utf8");
  } catch {
    // Not written yet: as different from the fresh text as it can be.
    return undefined;
  }
}

// Last, when everything above is defined: this file is both a command and a module of the check.
if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await writeDocs();
