import type { AuthConfig, Confab, Hooks, TlsConfig } from "@confab/server";
import { type CertificateFacts, isLocalOnly, serverVersion } from "@confab/server/settings";
import { printable } from "../output/printable.js";
import type { NamedEngine } from "./engine.js";

export interface BannerFacts {
  readonly engine: NamedEngine;
  readonly webRoot?: string;
  readonly tls?: TlsConfig;
  readonly auth?: AuthConfig;
  readonly allowAnyone?: boolean;
  readonly hooks?: Hooks;
  /** The address that the server listens on. */
  readonly host: string;
  readonly trustedProxies?: readonly string[];
  /** How a user calls this program. */
  readonly program: string;
}

/** What a server says of itself. */
interface Itself extends Pick<Confab, "certificate" | "adminTokenFile"> {
  readonly url: string;
}

/** Where each transport is and one line to try it, for a terminal. */
export function banner({ url, certificate, adminTokenFile }: Itself, facts: BannerFacts): string[] {
  const { engine, webRoot, tls, trustedProxies = [], program } = facts;
  if (url.startsWith("unix:")) return unixBanner(url.slice("unix:".length), adminTokenFile, facts);
  const { host } = new URL(url);
  const webSocket = `${certificate ? "wss" : "ws"}://${host}/chat`;
  const message = `'{"user":"me","text":"hi"}'`;
  const json = "-H 'content-type: application/json'";
  const flag = url === "http://127.0.0.1:8080" ? "" : ` --url ${url}`;
  return [
    `Confab ${serverVersion} listens on ${url}; messages are kept in ${keptIn(engine)}.`,
    ...accessLines(facts),
    ...(adminTokenFile === undefined
      ? []
      : [
          `${program} admin revocations --token ${printable(adminTokenFile)} administers it; see ${program} admin --help.`,
        ]),
    "",
    `  page       ${webRoot === undefined ? "not built: npm run build" : `${url}/`}`,
    `  command    ${program} listen lobby${flag}`,
    `             echo hi | ${program} send lobby${flag}`,
    `  WebSocket  ${webSocket}   (subprotocols: none, confab.v1.json, confab.v1.proto); in a browser's console:`,
    `             s = new WebSocket("${webSocket}"); s.onmessage = (e) => console.log(e.data)`,
    `             s.send(JSON.stringify({ user: "me", text: "hi" }))`,
    `  gRPC       grpcurl ${certificate ? "" : "-plaintext "}-d ${message} ${host} confab.v1.ChatService/SendMessage`,
    `             npx buf curl ${certificate ? "" : "--http2-prior-knowledge "}--protocol grpc -d ${message} ${url}/confab.v1.ChatService/SendMessage`,
    `  gRPC-Web   the same paths; npx buf curl --protocol grpcweb ...`,
    `  Connect    curl ${json} -d ${message} ${url}/confab.v1.ChatService/SendMessage`,
    `  REST       curl ${json} -d ${message} ${url}/v1/rooms/lobby/messages`,
    `             curl '${url}/v1/rooms/lobby/messages?limit=10'`,
    `  SSE        curl -N ${url}/v1/rooms/lobby/stream`,
    ...(certificate ? tlsLines(certificate, tls) : []),
    ...proxyLines(trustedProxies),
    "",
    "Ctrl-C stops it.",
  ];
}

/** On a Unix socket: what clients call the server does not matter, as long as it is a name of this machine. */
function unixBanner(path: string, adminTokenFile: string | undefined, facts: BannerFacts): string[] {
  const { engine, tls } = facts;
  const url = `${tls ? "https" : "http"}://localhost`;
  const curl = `curl --unix-socket ${printable(path)}`;
  return [
    `Confab ${serverVersion} listens on ${printable(path)}; messages are kept in ${keptIn(engine)}.`,
    ...accessLines(facts),
    ...(adminTokenFile === undefined ? [] : [`The token in ${printable(adminTokenFile)} administers it.`]),
    "",
    `  REST       ${curl} -H 'content-type: application/json' -d '{"user":"me","text":"hi"}' ${url}/v1/rooms/lobby/messages`,
    `  SSE        ${curl} -N ${url}/v1/rooms/lobby/stream`,
    `  gRPC       unix:${printable(path)}`,
    "",
    "Ctrl-C stops it.",
  ];
}

/** Whoever tries a line of the banner finds out here why a client may not trust the address that stands in it. */
function tlsLines({ names, validTo }: CertificateFacts, tls: TlsConfig | undefined): readonly string[] {
  return [
    `  TLS        for ${printable(names.join(", "))}, until ${validTo.toISOString().slice(0, 10)}; kill -HUP ${process.pid} reads the certificate again`,
    `             clients that do not know its authority: curl --cacert ${tls?.certFile}, ... listen --ca ${tls?.certFile}`,
  ];
}

/** Behind a proxy the page at its address gets 403 and other names get 421 until these options are set. */
function proxyLines(trustedProxies: readonly string[]): readonly string[] {
  return trustedProxies.length === 0
    ? [
        "  proxy      behind one: --trust-proxy loopback, or its address, if it sends X-Forwarded-Host and X-Forwarded-Proto;",
        "             --allow-host NAME for each name that it passes on in Host",
      ]
    : [
        `  proxy      X-Forwarded-Host, X-Forwarded-Proto and X-Forwarded-For are believed from ${trustedProxies.join(", ")}`,
      ];
}

/** Who can connect, and from where. */
function accessLines({
  host,
  tls,
  auth,
  allowAnyone = false,
  hooks,
  trustedProxies = [],
  program,
}: BannerFacts): readonly string[] {
  const isLocal = isLocalOnly(host, trustedProxies);
  const proxy = trustedProxies.length === 0 ? "" : ` or the proxies in front of it (${trustedProxies.join(", ")})`;
  const from = isLocal ? "on this machine" : `that can reach ${host}${proxy}`;
  const authorities = (tls?.clientCaFiles ?? []).map(printable).join(", ");
  const certificate = authorities === "" ? "" : `a certificate of an authority in ${authorities}`;
  const exception = allowAnyone ? ", or come without one (--allow-anyone)" : "";
  if (!auth && certificate !== "") return [`Callers ${from} need ${certificate}${exception}.`];
  if (!auth && hooks?.connect && !isLocal && !allowAnyone)
    return [`Callers ${from} need a user that the hook connect gives them.`];
  if (!auth)
    return [
      isLocal
        ? "All programs on this machine may connect: no token is asked for."
        : `ALL CALLERS ${from} may connect: no token is asked for (--allow-anyone).`,
    ];
  const keys = [...(auth.keyFiles ?? []), ...(auth.jwksUrl === undefined ? [] : [auth.jwksUrl])].join(", ");
  return [
    `Callers ${from} need a token that is signed by a key of ${printable(keys)}${certificate && `, or ${certificate}`}${exception}.`,
    ...(auth.keyFiles?.[0] === undefined
      ? []
      : [
          `For development: ${program} token --key ${printable(auth.keyFiles[0])} --user me   (the private key, if it is one of a pair)`,
        ]),
  ];
}

function keptIn(engine: NamedEngine): string {
  if (engine.kind === "redis") return "Redis and acknowledged once it has them";
  const acknowledged = engine.durability === "os" ? "the operating system has them" : "they are on disk";
  return `${engine.dataDir} and acknowledged once ${acknowledged}`;
}
