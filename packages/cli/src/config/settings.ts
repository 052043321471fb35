import { callerKinds, certificateUserPlaces, defaultCertificateUserPlaces } from "@confab/server/settings";
import {
  byteSize,
  duration,
  durationFrom,
  type Kind,
  oneOf,
  orNone,
  path,
  text,
  wholeNumber,
  yesOrNo,
} from "./kinds.js";
import { limitSettings, type Setting } from "./setting.js";

/**
 * The settings of `confab serve`, in the order in which help and documents show them. The parsers of the command line, the
 * environment and the file, `--help`, `--print-config` and docs/configuration.md are made from this table.
 */
export const settings = {
  host: {
    kind: text("HOST", "address, name or unix:/path"),
    fallback: "127.0.0.1",
    help: "address to listen on; the default is this machine only. unix:/path is a Unix socket, which counts as this machine. Another one needs --auth-key, --auth-jwks, --tls-client-ca or --allow-anyone",
  },
  port: { kind: wholeNumber(0, 65_535), fallback: "8080", help: "port to listen on; 0 is any free port" },
  "socket-mode": {
    kind: oneOf("MODE", "0600", "0660"),
    fallback: "0600",
    help: "who may connect to the Unix socket of --host: 0600, the server's own user; 0660, its group too",
  },
  "tls-cert": {
    kind: path("FILE"),
    help: "speak TLS, and nothing else, with this certificate in PEM, followed by the chain to its authority. Requires --tls-key",
    reload: "the file is read again",
  },
  "tls-key": {
    kind: path("FILE"),
    help: "the private key of --tls-cert, in PEM",
    reload: "the file is read again",
  },
  "tls-client-ca": {
    kind: path("FILE"),
    isList: true,
    help: "ask clients for a certificate that an authority of this file, in PEM, vouches for: it names their user. A certificate that no authority vouches for ends the connection. Requires --tls-cert",
    reload: "the files are read again; what an authority that is gone vouched for ends",
  },
  "tls-client-user": {
    kind: oneOf("PLACE", ...certificateUserPlaces),
    isList: true,
    help: `where a client's certificate names its user, first place first; default ${defaultCertificateUserPlaces.join(", ")}`,
  },
  "auth-key": {
    kind: path("FILE"),
    isList: true,
    help: "ask callers for a token (a JWT) that this key verifies: a public key or certificate in PEM (RS256, ES256, EdDSA), a JWK or a set of them in JSON, or hs256: and a secret of 32 bytes and more (HS256). confab token makes keys and tokens for development",
    reload: "the files are read again",
  },
  "auth-jwks": {
    kind: text("URL", "https:// URL, or http:// on this machine"),
    help: "ask for a token that a key of this JWKS verifies: https://, or http:// on this machine. Its keys are fetched again as they change",
    reload: "another URL is used from then on",
  },
  "auth-issuer": { kind: text("ISS"), help: "what the iss of tokens must be; default any" },
  "auth-audience": { kind: text("AUD"), isList: true, help: "what the aud of tokens must name; default any" },
  "auth-clock-tolerance": {
    kind: duration,
    fallback: "5s",
    help: "how far the clocks of issuer and server may differ, 10m at the most",
  },
  "auth-cookie": {
    kind: text("NAME", "name of a cookie; none"),
    fallback: "confab_token",
    help: "the cookie that may hold the token, for EventSource; none: no cookie",
  },
  "auth-token-in-url": {
    kind: yesOrNo,
    fallback: "false",
    help: "take ?access_token= too. URLs are in the logs of proxies",
  },
  "allow-anyone": {
    kind: yesOrNo,
    fallback: "false",
    help: "admit callers without a token: from other machines, or in addition to those that have one. They may read, send, signal, see history and members, and list and create rooms",
  },
  rules: {
    kind: path("FILE"),
    help: "what callers may do, in addition to what their tokens say: a file in YAML or JSON (docs/access.md)",
    reload: "the file is read again; what it does not allow any more ends",
  },
  rooms: {
    kind: path("FILE"),
    help: "rules for rooms by their names: retention, presence, history, message size and who may create them; a file in YAML or JSON (docs/rooms.md)",
  },
  engine: {
    kind: text("URL", "URL of a Redis, or embedded"),
    fallback: "embedded",
    isSecret: true,
    help: "keep messages in a Redis that several nodes share: redis://host:6379, redis+sentinel://host,host/master or redis+cluster://host,host; rediss:// and so on with TLS; embedded: on this machine. Other users of the machine can read a command line: give a URL with a password by --engine-file, CONFAB_ENGINE or CONFAB_ENGINE_FILE instead",
  },
  "redis-prefix": {
    kind: text("NAME", "1 to 100 letters, digits and . _ : -"),
    fallback: "confab",
    help: "what the names of all keys begin with. Deployments that share a Redis need one each",
  },
  "redis-wait-replicas": {
    kind: wholeNumber(0, 100),
    fallback: "0",
    help: "acknowledge a message when N replicas of Redis have it too",
  },
  data: {
    kind: path("DIR"),
    fallback: "confab-data",
    help: "where messages are kept. One server at a time, on a disk of this machine; made with mode 0700",
  },
  durability: {
    kind: oneOf("MODE", "fsync", "os"),
    fallback: "fsync",
    help: "when a message counts as stored: fsync, once it is on disk; os, once the operating system has it",
  },
  "retention-messages": {
    kind: orNone(wholeNumber(1)),
    fallback: "1000000",
    help: "keep the newest N of each room; none: no bound",
  },
  "retention-age": { kind: orNone(duration), fallback: "none", help: "keep messages for 90s, 30m, 12h, 7d" },
  "retention-bytes": {
    kind: orNone(byteSize),
    fallback: "1GiB",
    help: "keep 500MB, 2GiB of each room; none: no bound",
  },
  "dedupe-window": {
    // Every id of a window takes space. No client sends the same message again after a month.
    kind: durationFrom("1s", "30d"),
    fallback: "10m",
    help: "recognise a message that is sent again with the same room, user and id for at least 90s, 30m, 12h",
  },
  types: { kind: path("FILE"), isList: true, help: "payload types: .proto files or descriptor sets" },
  hook: {
    kind: text("NAMES=URL", "names of hooks, = and a URL"),
    isList: true,
    help: "ask your service before things happen, and report to it what happens (docs/hooks.md): send,subscribe=grpcs://hooks.example:443. Names: connect, disconnect, subscribe, send, signal, occupied, vacated, stored. URLs: grpcs://, connect+https://, or https:// for JSON in plain HTTP, which requires --hook-secret; grpc://, connect+http:// and http:// are without TLS, on this machine",
  },
  "hook-secret": {
    kind: text("SECRET", "at least 16 characters"),
    isSecret: true,
    help: "what hooks in plain HTTP are signed with, at least 16 characters. Other users of the machine can read a command line: give it by --hook-secret-file, CONFAB_HOOK_SECRET or CONFAB_HOOK_SECRET_FILE instead",
  },
  "hook-timeout": {
    kind: durationFrom("1s", "1m"),
    fallback: "2s",
    help: "how long the answer of a hook is waited for",
  },
  "hook-open": {
    kind: text("NAME", "name of a hook"),
    isList: true,
    help: "a hook without which things go on when it fails. What other hooks are asked about is refused then, with HOOK_FAILED",
  },
  "hook-skip": {
    kind: oneOf("KIND", ...callerKinds),
    isList: true,
    help: "a kind of callers that hooks are not asked about. service: those who may send for other users",
  },
  "hook-clear-text": {
    kind: yesOrNo,
    fallback: "false",
    help: "call hooks of other machines without TLS, if their URL says so. Who can read the network reads all messages then",
  },
  "allow-host": {
    kind: text("HOST", "host name, *.suffix or *"),
    isList: true,
    help: "a host name that requests may be for, besides localhost and the address that the server listens on: chat.example, or *.chat.example for all names below one; * is any. Other hosts get HTTP 421",
  },
  "allow-origin": {
    kind: text("ORIGIN", "origin, null or *"),
    isList: true,
    help: "a site whose pages may use the server, besides its own: https://chat.example, https://*.chat.example; null is pages without an origin (files, sandboxes), * is any",
  },
  "trust-proxy": {
    kind: text("ADDRESS", "address, range, loopback, linklocal, uniquelocal or unix"),
    isList: true,
    help: "a proxy in front of the server, whose X-Forwarded-Host, X-Forwarded-Proto and X-Forwarded-For are believed: an address, a range such as 10.0.0.0/8, loopback, linklocal, uniquelocal, or unix for those that connect to a Unix socket; default none",
  },
  "log-level": {
    kind: oneOf("LEVEL", "info", "warn", "error", "silent"),
    fallback: "info",
    help: "the least important lines of the log that are written; silent: none",
    reload: "it counts from then on",
  },
  "proxy-protocol": {
    kind: yesOrNo,
    fallback: "false",
    help: "connections of trusted proxies begin with a header of the PROXY protocol, version 1 or 2, that says the client's address. Requires --trust-proxy",
  },
  "log-format": {
    kind: oneOf("FORMAT", "text", "json"),
    fallback: "text",
    help: "logs as lines for people, or as lines of JSON; --json is short for the second",
  },
  "audit-log": {
    kind: path("FILE"),
    help: "write down in this file, in lines of JSON, which callers were refused and which administered the server; default in the log, with level info",
    reload: "the file is opened again",
  },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof settings;

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(settings, name);
}

/** What a setting's value is, once it is parsed. */
export type SettingValue<Name extends SettingName> = (typeof settings)[Name] extends {
  kind: Kind<infer Value>;
  isList: true;
}
  ? readonly Value[]
  : (typeof settings)[Name] extends { kind: Kind<infer Value>; fallback: string }
    ? Value
    : (typeof settings)[Name] extends { kind: Kind<infer Value> }
      ? Value | undefined
      : never;

/** All settings by their names, and after them the limits as `limits.NAME`. */
export const allSettings: ReadonlyMap<string, Setting> = new Map<string, Setting>([
  ...Object.entries<Setting>(settings),
  ...limitSettings,
]);
