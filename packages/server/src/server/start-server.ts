import { randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import { ConfabError, defaultDedupeWindowMs, type LimitName, PayloadTypes } from "@confab/contract";
import { violationsOf } from "@confab/contract/validation";
import { Hub } from "../core/index.js";
import { ArrivalTimeouts } from "../http/arrival-timeouts.js";
import type { RequestHead } from "../http/exchange.js";
import type { Peer } from "../http/peer.js";
import { CallerRates, ChatService, FrameSessions, LiveCallers, maxWireBytes } from "../service/index.js";
import { createRestHandler } from "../transports/rest/adapter.js";
import { createRpcHandler } from "../transports/rpc/adapter.js";
import { serverMethods, unknownMethod } from "../transports/rpc/methods.js";
import { Statuses } from "../transports/rpc/rpc-error.js";
import { Readiness } from "../transports/rpc/services/health.js";
import { createSseHandler } from "../transports/sse/adapter.js";
import { createWebSocketHandler } from "../transports/websocket/adapter.js";
import { Work, type WorkCounts } from "../work/index.js";
import { type AdminToken, adminTokenIn } from "./admin-token.js";
import { Admission } from "./admission.js";
import { AuditLog } from "./audit-log.js";
import { openAuth } from "./auth.js";
import type { CertificateFacts } from "./certificate.js";
import { ConfigError, checkedLimits, defaultRetention, type ServerConfig } from "./config.js";
import { DescriptorWatch } from "./descriptors.js";
import { ContractDocuments } from "./documents.js";
import { openEngine } from "./engine.js";
import { HostPolicy, isLocalOnly } from "./hosts.js";
import { type ListenerOptions, listen } from "./listener.js";
import { type Logger, silentLogger } from "./logger.js";
import { OriginPolicy } from "./origins.js";
import { documentPages, operationPages } from "./pages.js";
import { peerFaultsTo } from "./peer-faults.js";
import { eventLoop, randomIds, systemClock } from "./platform.js";
import { PortCertificates } from "./port-certificates.js";
import { type ReloadableConfig, reload } from "./reload.js";
import { checkedRooms, policiesBy, retentionBy } from "./room-rules.js";
import { createRouter } from "./router.js";
import { SocketCounts } from "./socket-counts.js";
import { StaticFiles } from "./static-files.js";
import { TrustedProxies } from "./trusted-proxies.js";
import { unixPathOf } from "./unix-socket.js";
import { serverVersion } from "./version.js";

export interface RunningServer {
  /** `http://host:port`, or `https`, as a client on this machine reaches it; `unix:/path` on a Unix socket. */
  readonly url: string;
  /** 0 on a Unix socket. */
  readonly port: number;
  /** How the event loop was divided between the connections so far. */
  readonly work: WorkCounts;
  /** The certificate that clients are shown; undefined without TLS. */
  readonly certificate: CertificateFacts | undefined;
  /** The file with the token that may administer this server; undefined on a server with keys, or on Redis. */
  readonly adminTokenFile: string | undefined;
  /**
   * Take over what can change while the server runs: the certificate and the keys that verify tokens, whose files are read
   * again, the rules, and the limits that are `isReloadable`. What cannot be used is logged, and stays as it was. The rest of `config` has
   * no effect.
   */
  reload(config: ReloadableConfig): void;
  /**
   * Stop: no new connections, clients told to come back, sends in progress finished, then everything released. May be
   * called twice.
   */
  close(): Promise<void>;
}

/** How long connections may take to end by themselves after they were told to, in milliseconds. */
const drainTimeoutMs = 5_000;

/** How often connections are looked at for tokens that have expired, in milliseconds. */
const tokenCheckIntervalMs = 1_000;

/** The window over which clients are told to spread their return, in milliseconds. */
const reconnectWithinMs = 3_000;

/**
 * Start a server: open its log, then its port.
 *
 * @throws ConfigError (and TlsFileError, which is one), StoreError, FolderLockedError, RedisUrlError, RedisStartError, or the system's error for the port (EADDRINUSE and so on).
 */
export async function startServer(config: ServerConfig): Promise<RunningServer> {
  // One object, which `reload` changes: what enforces a limit reads it there.
  const limits: { -readonly [name in LimitName]: number } = checkedLimits(config.limits ?? {});
  const roomRules = checkedRooms(config.rooms, limits);
  const types = config.types ? await payloadTypesFrom(config.types) : PayloadTypes.none(violationsOf);
  const logger = config.logger ?? silentLogger;
  const certificates = new PortCertificates(config.tls, logger);
  const { clientAuthorities } = certificates;
  const host = config.host ?? "127.0.0.1";
  const unixPath = unixPathOf(host);
  const report = reporterTo(logger);
  // A page that had its name rebound to this server would act with its visitor's cookie, or as a caller without a token.
  const hosts = new HostPolicy(config.allowedHosts ?? [], host);
  const proxies = new TrustedProxies(config.trustedProxies ?? []);
  const audit = new AuditLog({ log: config.auditLog ?? logger, nowMs: () => systemClock.monotonicMs() });
  if (config.proxyProtocol && (config.trustedProxies ?? []).length === 0)
    throw new ConfigError(
      "`proxyProtocol` (--proxy-protocol) needs the addresses of proxies: `trustedProxies` (--trust-proxy)",
    );
  // Behind a proxy, a page from localhost runs on the visitor's machine.
  const isLocal = isLocalOnly(host, config.trustedProxies);
  const admission = new Admission({
    hosts,
    origins: new OriginPolicy(config.allowedOrigins ?? [], isLocal),
    proxies,
    onRefusal: (remoteAddress, refusal) => audit.notAdmitted(remoteAddress, refusal),
  });
  const trustsCookies = (request: RequestHead) => admission.trustsCookies(request);
  const auth = openAuth(config, {
    host,
    isLocal,
    logger,
    trustsCookies,
    clientAuthorities,
    limits,
  });
  const { authenticator } = auth;
  const files = config.webRoot === undefined ? undefined : new StaticFiles(config.webRoot);
  const retention = retentionBy(roomRules, config.retention ?? defaultRetention);
  const engine = await openEngine(config, limits, retention);
  let adminToken: AdminToken | undefined;
  const descriptors = new DescriptorWatch(logger);
  const faults = peerFaultsTo(logger);
  const isProxy = (peer: Peer) => proxies.trusts(peer);
  const socketCounts = new SocketCounts({ limits, isProxy, onRefusal: faults.tooManySockets });
  const work = new Work({ bytes: limits });
  const hub = new Hub({ engine, clock: systemClock, turns: eventLoop, ids: randomIds, limits });
  // Callers of this machine without a verified user are not told apart, so nothing is counted for them.
  const isCounted = auth.canChange || !isLocal;
  const liveCallers = isCounted ? new LiveCallers({ clock: systemClock, turns: eventLoop, limits }) : undefined;
  const rates = isCounted ? new CallerRates(() => systemClock.monotonicMs(), limits) : undefined;
  const rooms = policiesBy(roomRules, limits);
  const { longestTokenUseMs } = auth;
  const service = new ChatService({ hub, engine, types, limits, rooms, longestTokenUseMs, liveCallers, rates, audit });
  const principalOf = (request: RequestHead) => authenticator.principalOf(request);
  const sessions = new FrameSessions({
    service,
    serverVersion,
    dedupeWindowMs: config.dedupeWindowMs ?? defaultDedupeWindowMs,
    newConnectionId: randomUUID,
    principalBy: (token) => authenticator.principalBy(token),
    onAbuse: faults.spentBudget,
    report,
  });
  const readiness = new Readiness();
  const documents = new ContractDocuments({ isTls: config.tls !== undefined, types: config.types });
  const arrivals = new ArrivalTimeouts(limits.requestTimeoutMs);
  const sse = createSseHandler({ service, report });
  const rpc = createRpcHandler({
    methods: serverMethods(service, sessions, readiness),
    statuses: new Statuses(types),
    maxMessageBytes: (format) => maxWireBytes(format, limits),
    limits,
    unknownMethod,
    arrivals,
    report,
  });
  const onExchange = createRouter({
    admission,
    principalOf,
    rpc,
    rest: createRestHandler({ service, openStream: sse.openStream, bodyTimeouts: arrivals, report }),
    pages: new Map([...operationPages(readiness, engine), ...documentPages(documents)]),
    files,
    report,
  });
  const signsOfLife = setInterval(() => {
    sessions.pingAll();
    // Readers of a quiet room are as much in need of a sign: that nothing was said, and not that it was lost.
    hub.checkIdleRooms();
  }, limits.pingIntervalMs).unref();

  const tokenChecks = liveCallers && setInterval(() => liveCallers.check(), tokenCheckIntervalMs).unref();

  const release = async () => {
    clearInterval(signsOfLife);
    clearInterval(tokenChecks);
    auth.close();
    sse.close();
    arrivals.close();
    descriptors.close();
    await engine.close();
  };
  const onUpgrade = createWebSocketHandler({
    service,
    sessions,
    report,
    onAbuse: faults.spentBudget,
    principalOf,
    refusalOf: (request) => admission.refusalOf(request),
  });
  const listenerOptions: ListenerOptions = {
    host,
    unix: unixPath === undefined ? undefined : { path: unixPath, mode: config.socketMode ?? 0o600 },
    port: config.port ?? 8080,
    keyPair: certificates.keyPair,
    clientAuthorities,
    onRefusedCertificate: faults.badCertificate,
    limits,
    proxyHeaders: config.proxyProtocol ? { isProxy, onFault: faults.badProxyHeader } : undefined,
    admits: (socket) => socketCounts.admit(socket),
    clientAddressOf: (headers, peer) => proxies.clientAddressOf(headers, peer),
    onExchange,
    onUpgrade,
    onAbuse: faults.spentBudget,
    onConnection: () => descriptors.connected(),
    work,
    report,
  };
  const opening = async () => {
    if (config.engine.kind === "embedded" && !config.auth) {
      adminToken = adminTokenIn(config.engine.dataDir);
      auth.setAdminToken(adminToken.token);
    }
    await auth.follow(engine.revocations, () => liveCallers?.check());
    return listen(listenerOptions);
  };
  const listener = await opening().catch(async (failure: unknown) => {
    await release();
    throw failure;
  });
  if (listener.address) hosts.addAddress(listener.address.address);

  const stop = async () => {
    const reason = new ConfabError("SHUTTING_DOWN", "the server is stopping", { retryAfterMs: reconnectWithinMs });
    readiness.set(false);
    listener.drain();
    sessions.closeAll(reason, reconnectWithinMs);
    hub.close(reason);
    rpc.stop(reason);
    arrivals.endAll(reason);
    await listener.closed(drainTimeoutMs);
    await release();
  };
  let stopped: Promise<void> | undefined;
  return {
    url: listener.address ? urlOf(config.tls ? "https" : "http", listener.address) : host,
    port: listener.address?.port ?? 0,
    get work() {
      return work.counts;
    },
    adminTokenFile: adminToken?.file,
    get certificate() {
      return certificates.facts;
    },
    reload: (next) => {
      reload(next, {
        limits,
        limitsChanged: () => listener.setMaxConnections(limits.maxConnections),
        readCertificate: ({ tls }) => {
          const keyPair = certificates.reload(tls);
          if (!keyPair) return;
          listener.setKeyPair(keyPair);
          liveCallers?.check();
        },
        readKeys: ({ auth: keys }) => {
          auth.reloadKeys(keys);
          liveCallers?.check();
        },
        readRules: ({ rules }) => {
          auth.setRules(rules);
          liveCallers?.check();
        },
        logger,
      });
    },
    close: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

/** The interpreter of their rules takes longer to load than all the rest of a server without payload types. */
async function payloadTypesFrom(descriptors: Uint8Array): Promise<PayloadTypes> {
  const { compileRules, interpretedViolations } = await import("@confab/contract/interpreted-rules");
  const types = PayloadTypes.fromDescriptorSet(descriptors, interpretedViolations);
  compileRules(types.registry);
  return types;
}

/** Bugs go to the log with what is underneath; clients are told only that there was one. */
function reporterTo(logger: Logger): (error: unknown) => void {
  return (error) =>
    logger.error({ err: error instanceof ConfabError ? (error.cause ?? error) : error }, "a bug in the server");
}

function urlOf(scheme: "http" | "https", { address, family, port }: AddressInfo): string {
  if (address === "0.0.0.0" || address === "::") return `${scheme}://127.0.0.1:${port}`;
  return family === "IPv6" ? `${scheme}://[${address}]:${port}` : `${scheme}://${address}:${port}`;
}
