import { randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import { ConfabError, defaultDedupeWindowMs, type LimitName, type Limits, PayloadTypes } from "@confab/contract";
import { violationsOf } from "@confab/contract/validation";
import { Deliveries, type Engine, Hub, nodesOf } from "../core/index.js";
import { ArrivalTimeouts } from "../http/arrival-timeouts.js";
import type { HostServer } from "../http/attach.js";
import type { ClientAddressOf, RequestHead } from "../http/exchange.js";
import type { Peer } from "../http/peer.js";
import {
  CallerRates,
  ChatService,
  FrameSessions,
  LiveCallers,
  maxWireBytes,
  NodeConnections,
  type ServiceHooks,
} from "../service/index.js";
import { createRestHandler } from "../transports/rest/adapter.js";
import { createRpcHandler } from "../transports/rpc/adapter.js";
import { serverMethods, unknownMethod } from "../transports/rpc/methods.js";
import { Statuses } from "../transports/rpc/rpc-error.js";
import { Readiness } from "../transports/rpc/services/health.js";
import { createSseHandler } from "../transports/sse/adapter.js";
import { createWebSocketHandler } from "../transports/websocket/adapter.js";
import { Work } from "../work/index.js";
import { type AdminToken, adminTokenIn } from "./admin-token.js";
import { Admission, type AdmissionDeps, cookiesAreTrusted } from "./admission.js";
import { Attachments } from "./attachments.js";
import { AuditLog } from "./audit-log.js";
import { openAuth } from "./auth.js";
import type { CertificateFacts } from "./certificate.js";
import { ConfigError, checkedLimits, defaultRetention, type ServerConfig } from "./config.js";
import { DescriptorWatch } from "./descriptors.js";
import { ContractDocuments } from "./documents.js";
import { openEngine } from "./engine.js";
import { openHooks } from "./hooks.js";
import { HostPolicy, isLocalOnly } from "./hosts.js";
import { type Listener, type ListenerOptions, listen } from "./listener.js";
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

/** The port that a server listens on. */
export interface OwnPort {
  /** `http://host:port`, or `https`, as a client on this machine reaches it; `unix:/path` on a Unix socket. */
  readonly url: string;
  /** 0 on a Unix socket. */
  readonly port: number;
}

/** A server whose log is open. It serves its own port once it is told to `listen`. */
export interface OpenServer {
  readonly service: ChatService;
  readonly engine: Engine;
  readonly limits: Limits;
  /** Divides the event loop between the connections. */
  readonly work: Work;
  /** The certificate that clients are shown; undefined without TLS. */
  readonly certificate: CertificateFacts | undefined;
  /** The file with the token that may administer this server; undefined on a server with keys, or on Redis. */
  readonly adminTokenFile: string | undefined;
  /**
   * Serve the requests below a path of a server that another program owns. The result ends it.
   *
   * @throws ConfigError: callers from other machines could connect, and nothing says whether they may.
   */
  attach(host: HostServer, basePath: string): () => void;
  /** Listen on the configuration's host and port. To be called once. @throws the system's error: EADDRINUSE and so on. */
  listen(): Promise<OwnPort>;
  /** See `RunningServer.reload`. */
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

/** How often deletions are looked for that were cut, in milliseconds. */
const cutDeletionsIntervalMs = 30_000;
/** Limits of a server that tells no callers apart. */
const uncounted = {
  maxConnectionsByUser: Number.POSITIVE_INFINITY,
  maxConnectionsByAddress: Number.POSITIVE_INFINITY,
};

/** The window over which clients are told to spread their return, in milliseconds. */
const reconnectWithinMs = 3_000;

/**
 * Check a configuration, and open the log.
 *
 * @throws ConfigError (and TlsFileError, which is one), StoreError, FolderLockedError, RedisUrlError, RedisStartError.
 */
export async function openServer(config: ServerConfig): Promise<OpenServer> {
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
  // Behind a proxy, a page from localhost runs on the visitor's machine. Without a host it is not known who can reach the
  // server that this one will be attached to.
  const isElsewhere = config.host === undefined && (config.allowAnyone || config.hooks?.connect !== undefined);
  const isLocal = isLocalOnly(host, config.trustedProxies) && !isElsewhere;
  const origins = new OriginPolicy(config.allowedOrigins ?? [], isLocal);
  const onRefusal = (remoteAddress: string, refusal: ConfabError) => audit.notAdmitted(remoteAddress, refusal);
  const trustsCookies = (request: RequestHead) => cookiesAreTrusted(request, { origins, proxies });
  const rooms = policiesBy(roomRules, limits);
  const hooks = config.hooks && openHooks(config.hooks, { log: logger, clock: systemClock, types, rooms, audit });
  const auth = openAuth(config, {
    host,
    isLocal,
    logger,
    trustsCookies,
    clientAuthorities,
    limits,
    hooks,
  });
  const { principalOf } = auth;
  const files = config.webRoot === undefined ? undefined : new StaticFiles(config.webRoot);
  const retention = retentionBy(roomRules, config.retention ?? defaultRetention);
  const engine = await openEngine(config, limits, retention);
  const lacking = lackingFor(engine, hooks);
  if (lacking !== undefined) {
    await engine.close();
    throw new ConfigError(lacking);
  }
  if (hooks?.occupancy !== undefined) engine.members.watchOccupancy?.(hooks.occupancy);
  const stored = hooks?.stored;
  const outbox = stored && engine.outbox?.(stored.name);
  const deliveries =
    stored &&
    outbox &&
    new Deliveries({
      log: engine.log,
      outbox,
      turns: eventLoop,
      deliver: (room, epoch, run) => stored.deliver(room, epoch, run),
      roomsAtATime: () => stored.roomsAtATime,
      damaged: (room, err) =>
        logger.error({ room, err }, "a room is damaged, and what follows is not given to the hook"),
    });
  let adminToken: AdminToken | undefined;
  const descriptors = new DescriptorWatch(logger);
  const faults = peerFaultsTo(logger);
  const isProxy = (peer: Peer) => proxies.trusts(peer);
  const socketCounts = new SocketCounts({ limits, isProxy, onRefusal: faults.tooManySockets });
  const work = new Work({ bytes: limits });
  const hub = new Hub({ engine, clock: systemClock, turns: eventLoop, ids: randomIds, limits });
  // Callers of this machine without a verified user are not told apart, so nothing is counted for them.
  const isCounted = auth.canChange || !isLocal;
  const liveCallers = new LiveCallers({
    clock: systemClock,
    turns: eventLoop,
    limits: isCounted ? limits : { ...limits, ...uncounted },
    newId: randomUUID,
  });
  const connections = new NodeConnections(nodesOf(engine), liveCallers);
  const rates = isCounted ? new CallerRates(() => systemClock.monotonicMs(), limits) : undefined;
  const { longestTokenUseMs } = auth;
  const roomDeps = { hub, engine, types, limits, rooms, longestTokenUseMs };
  const service = new ChatService({ ...roomDeps, liveCallers, connections, rates, audit, hooks });
  const sessions = new FrameSessions({
    service,
    serverVersion,
    dedupeWindowMs: config.dedupeWindowMs ?? defaultDedupeWindowMs,
    newConnectionId: randomUUID,
    // Callers on connections are made of the heads of requests.
    principalBy: (token, { request }) => auth.principalBy(token, request as RequestHead | undefined),
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
  const rest = createRestHandler({ service, openStream: sse.openStream, bodyTimeouts: arrivals, report });
  const pages = new Map([...operationPages(readiness, engine), ...documentPages(documents)]);
  const { spentBudget: onAbuse } = faults;
  /** A way in for requests that name a host, and come from a page, which these allow. */
  const entrance = (policies: Pick<AdmissionDeps, "hosts" | "origins">) => {
    const admission = new Admission({ ...policies, proxies, onRefusal });
    const refusalOf = (request: RequestHead) => admission.refusalOf(request);
    return {
      onExchange: createRouter({ admission, principalOf, rpc, rest, pages, files, report }),
      onUpgrade: createWebSocketHandler({
        service,
        sessions,
        report,
        onAbuse,
        principalOf,
        refusalOf,
        keepsRequests: auth.asksAgain,
      }),
    };
  };
  const signsOfLife = setInterval(() => {
    sessions.pingAll();
    // Readers of a quiet room are as much in need of a sign: that nothing was said, and not that it was lost.
    hub.checkIdleRooms();
  }, limits.pingIntervalMs).unref();

  const cutDeletions = setInterval(() => void hub.finishDeletions(), cutDeletionsIntervalMs).unref();

  const tokenChecks = isCounted ? setInterval(() => liveCallers.check(), tokenCheckIntervalMs).unref() : undefined;

  const release = async () => {
    clearInterval(signsOfLife);
    clearInterval(cutDeletions);
    clearInterval(tokenChecks);
    auth.close();
    sse.close();
    arrivals.close();
    descriptors.close();
    await deliveries?.close();
    await engine.close();
    // Those that connections and rooms have ended with.
    await hooks?.idle();
  };
  const clientAddressOf: ClientAddressOf = (headers, peer) => proxies.clientAddressOf(headers, peer);
  const shared = { limits, clientAddressOf, work };
  const listenerOptions = (): ListenerOptions => ({
    ...shared,
    ...entrance({ hosts, origins }),
    host,
    unix: unixPath === undefined ? undefined : { path: unixPath, mode: config.socketMode ?? 0o600 },
    port: config.port ?? 8080,
    keyPair: certificates.keyPair,
    clientAuthorities,
    onRefusedCertificate: faults.badCertificate,
    proxyHeaders: config.proxyProtocol ? { isProxy, onFault: faults.badProxyHeader } : undefined,
    admits: (socket) => socketCounts.admit(socket),
    onAbuse,
    onConnection: () => descriptors.connected(),
    report,
  });
  // Who reaches the server of another owner is not known, so no page is trusted for coming from this machine.
  const elsewhere = { hosts: anyHost, origins: new OriginPolicy(config.allowedOrigins ?? [], false) };
  const attachments = new Attachments({ ...shared, ...entrance(elsewhere) });
  const opening = async () => {
    if (config.engine.kind === "embedded" && !config.auth) {
      adminToken = adminTokenIn(config.engine.dataDir);
      auth.setAdminToken(adminToken.token);
    }
    await auth.follow(engine.revocations, () => liveCallers.check());
    deliveries?.start();
    void hub.finishDeletions();
  };
  await opening().catch(async (failure: unknown) => {
    await release();
    throw failure;
  });
  let listener: Listener | undefined;
  let isListening = false;

  const stop = async () => {
    const reason = new ConfabError("SHUTTING_DOWN", "the server is stopping", { retryAfterMs: reconnectWithinMs });
    readiness.set(false);
    listener?.drain();
    attachments.detach();
    sessions.closeAll(reason, reconnectWithinMs);
    // Before their rooms end them: the trailers have the position of each stream.
    rpc.stop(reason);
    hub.close(reason);
    arrivals.endAll(reason);
    await Promise.all([listener?.closed(drainTimeoutMs), attachments.closed(drainTimeoutMs)]);
    await release();
  };
  let stopped: Promise<void> | undefined;
  return {
    service,
    engine,
    limits,
    work,
    attach: (other, basePath) => {
      // Callers without a token would have the rights of this machine's users.
      if (isLocal && (!auth.isVerified || config.allowAnyone)) throw new ConfigError(attachAdmitsAnyone);
      return attachments.add(other, basePath);
    },
    listen: async () => {
      if (isListening || stopped !== undefined) throw new ConfigError("this server listens already, or was closed");
      isListening = true;
      listener = await listen(listenerOptions());
      const { address } = listener;
      if (address) hosts.addAddress(address.address);
      const url = address ? urlOf(config.tls ? "https" : "http", address) : host;
      return { url, port: address?.port ?? 0 };
    },
    adminTokenFile: adminToken?.file,
    get certificate() {
      return certificates.facts;
    },
    reload: (next) => {
      reload(next, {
        limits,
        limitsChanged: () => listener?.setMaxConnections(limits.maxConnections),
        readCertificate: ({ tls }) => {
          const keyPair = certificates.reload(tls);
          if (!keyPair) return;
          listener?.setKeyPair(keyPair);
          liveCallers.check();
        },
        readKeys: ({ auth: keys }) => {
          auth.reloadKeys(keys);
          liveCallers.check();
        },
        readRules: ({ rules }) => {
          auth.setRules(rules);
          liveCallers.check();
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

/** What the hooks need that an engine of the program's own leaves out; undefined: nothing. */
function lackingFor({ outbox, members }: Engine, hooks: ServiceHooks | undefined): string | undefined {
  if (hooks?.stored !== undefined && outbox === undefined) return "the hook `stored` needs an engine with `outbox`";
  if (hooks?.occupancy !== undefined && members.watchOccupancy === undefined)
    return "the hooks `occupied` and `vacated` need an engine with `members.watchOccupancy`";
  return undefined;
}

/** What a server is called that others own is their concern; callers show who they are, or anyone is admitted. */
const anyHost = { allows: () => true };

const attachAdmitsAnyone =
  "callers of other machines may reach the server that this one is attached to, and are asked for no token: give `auth` or " +
  "`hooks.connect`, or admit all callers by `allowAnyone`; without a `host`";

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
