import { RedisUrlError } from "./start-errors.js";

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What a Redis URL says. */
export interface RedisTarget {
  /** One server; the Sentinels that know which server is the master; or some masters of a Cluster. */
  readonly form: "single" | "sentinel" | "cluster";
  /** At least one. */
  readonly addresses: readonly Address[];
  /** What the Sentinels call it; empty in the other forms. */
  readonly masterName: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** What the Sentinels themselves ask for. */
  readonly sentinelPassword: string | undefined;
  readonly database: number;
  readonly isTls: boolean;
}

const forms = new Map<string, Pick<RedisTarget, "form" | "isTls">>([
  ["redis", { form: "single", isTls: false }],
  ["rediss", { form: "single", isTls: true }],
  ["redis+sentinel", { form: "sentinel", isTls: false }],
  ["rediss+sentinel", { form: "sentinel", isTls: true }],
  ["redis+cluster", { form: "cluster", isTls: false }],
  ["rediss+cluster", { form: "cluster", isTls: true }],
]);

/** Sentinel's own port is another than a server's (redis.io, "High availability with Redis Sentinel"). */
const defaultPorts = { single: 6379, sentinel: 26_379, cluster: 6379 } as const;

/**
 * Read a Redis URL:
 *
 *     redis://[user:password@]host[:port][/database]                 rediss:// with TLS
 *     redis+sentinel://[user:password@]host[:port],.../master[/database][?sentinel-password=...]
 *     redis+cluster://[user:password@]host[:port],...
 *
 * User and password are percent-encoded. Not `URL`: it knows one host.
 *
 * @throws RedisUrlError
 */
export function redisTargetFrom(url: string): RedisTarget {
  const [, scheme = "", rest = ""] = /^([a-z+]+):\/\/(.*)$/s.exec(url) ?? [];
  const kind = forms.get(scheme);
  if (!kind) throw new RedisUrlError(`a Redis URL begins with ${[...forms.keys()].map((s) => `${s}://`).join(", ")}`);
  const [beforeQuery = "", query = ""] = splitOnce(rest, "?");
  const credentialsEnd = beforeQuery.lastIndexOf("@");
  const [username, password] = credentialsFrom(beforeQuery.slice(0, Math.max(0, credentialsEnd)));
  const [hosts, ...path] = beforeQuery.slice(credentialsEnd + 1).split("/");
  const addresses = (hosts ?? "").split(",").map((host) => addressFrom(host, defaultPorts[kind.form]));
  if (kind.form === "single" && addresses.length > 1) {
    throw new RedisUrlError("redis:// names one server; for more there are redis+sentinel:// and redis+cluster://");
  }
  const masterName = kind.form === "sentinel" ? (path.shift() ?? "") : "";
  if (kind.form === "sentinel" && masterName === "") {
    throw new RedisUrlError("redis+sentinel:// needs the master's name: redis+sentinel://host:26379/mymaster");
  }
  const database = databaseFrom(path);
  if (kind.form === "cluster" && database !== 0) throw new RedisUrlError("a Redis Cluster has database 0 alone");
  const sentinelPassword = sentinelPasswordFrom(query, kind.form);
  return { ...kind, addresses, masterName, username, password, sentinelPassword, database };
}

/** The servers of a target for logs and errors, without its password. */
export function describeTarget({ form, addresses, masterName }: RedisTarget): string {
  const list = addresses.map(describeAddress).join(", ");
  if (form === "sentinel") return `${masterName} of the Sentinels ${list}`;
  return form === "cluster" ? `the Cluster of ${list}` : list;
}

export function describeAddress({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function credentialsFrom(text: string): [string | undefined, string | undefined] {
  const [username = "", password = ""] = splitOnce(text, ":");
  try {
    return [decodeURIComponent(username) || undefined, decodeURIComponent(password) || undefined];
  } catch {
    // The error would quote what may be the password.
    throw new RedisUrlError("the user or password of the Redis URL is not percent-encoded as it should be");
  }
}

function addressFrom(text: string, defaultPort: number): Address {
  const [, ipv6, name, digits] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]+))(?::([0-9]{1,5}))?$/.exec(text) ?? [];
  const host = ipv6 ?? name;
  const port = digits === undefined ? defaultPort : Number(digits);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new RedisUrlError("a Redis URL needs host or host:port after the //");
  }
  return { host, port };
}

function databaseFrom(path: readonly string[]): number {
  const [text = "", ...more] = path;
  if (more.length > 0 || !/^[0-9]{0,5}$/.test(text)) {
    throw new RedisUrlError("the database at the end of the Redis URL is not a number");
  }
  return Number(text);
}

function sentinelPasswordFrom(query: string, form: RedisTarget["form"]): string | undefined {
  if (query === "") return undefined;
  const options = new URLSearchParams(query);
  // Not quoted: after a ? that is not percent-encoded it is the end of a password.
  if (form !== "sentinel") {
    throw new RedisUrlError("the Redis URL has options after a ?; only redis+sentinel:// has one, sentinel-password");
  }
  if ([...options.keys()].some((name) => name !== "sentinel-password")) {
    throw new RedisUrlError("the Redis URL has another option after the ? than sentinel-password");
  }
  return options.get("sentinel-password") ?? undefined;
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}
