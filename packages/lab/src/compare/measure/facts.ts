import { ConfabError, type Link, openLink } from "@confab/client/node";
import type { ClientWire } from "../client/wire.js";
import { startHttp1Proxy } from "../relay/http1-proxy.js";
import { startRelay } from "../relay/relay.js";
import { type TransportName, transports } from "../transports.js";
import { until } from "./waiting.js";

/** Something that was tried: whether it worked, and what was seen. */
export interface Trial {
  readonly works: boolean;
  readonly seen: string;
}

/** What a transport can do, tried and not assumed. */
export interface Facts {
  /** A message that another client sends arrives without being asked for. */
  readonly push: Trial;
  /** A message that breaks the contract is refused with the contract's error. */
  readonly contract: Trial;
  /** A reader that was cut off gets exactly what it missed, on another connection, by its position. */
  readonly resume: Trial;
  /** Reading and sending through a proxy that speaks only HTTP/1.1. */
  readonly http1Proxy: Trial;
  /** The same, when the proxy also passes `Upgrade` on. */
  readonly upgradingProxy: Trial;
  /** Fifty sends at once, and the connections they took. */
  readonly manySends: Trial & { readonly connections: number };
}

export interface FactsJob {
  readonly transport: TransportName;
  readonly port: number;
  readonly room: string;
  readonly tag: string;
  /** Certificates in PEM that vouch for the server, over TLS; undefined: clear text. */
  readonly ca?: string | undefined;
}

const callTimeoutMs = 3_000;
const sendsAtOnce = 50;

/** Try them, with `@confab/client` wherever speed does not matter. */
export async function tryFacts(wire: ClientWire, job: FactsJob): Promise<Facts> {
  const direct = urlOf(job, job.port);
  return {
    push: await withLink(job, direct, (link) => tryPush(link, job, "push")),
    contract: await withLink(job, direct, (link) => tryContract(link, job)),
    resume: await tryResume(job, direct),
    http1Proxy: await tryProxy(job, false),
    upgradingProxy: await tryProxy(job, true),
    manySends: await tryManySends(wire, job),
  };
}

async function withLink(job: FactsJob, url: string, attempt: (link: Link) => Promise<Trial>): Promise<Trial> {
  const link = openLink(transports[job.transport].link, { url, ca: job.ca });
  try {
    return await attempt(link);
  } catch (error) {
    return { works: false, seen: reasonOf(error) };
  } finally {
    link.close();
  }
}

function urlOf({ ca }: FactsJob, port: number): string {
  return `${ca === undefined ? "http" : "https"}://127.0.0.1:${port}`;
}

function reasonOf(error: unknown): string {
  if (error instanceof ConfabError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}

async function tryPush(link: Link, { room, tag }: FactsJob, what: string): Promise<Trial> {
  const stop = new AbortController();
  const overdue = setTimeout(() => stop.abort(), callTimeoutMs);
  try {
    const listening = await link.listen({ room }, { signal: stop.signal });
    const id = `${tag}-${what}`;
    await link.send({ user: "lab", text: "listen", room, id }, { timeoutMs: callTimeoutMs });
    for await (const message of listening) if (message.id === id) return { works: true, seen: "sent and received" };
    return { works: false, seen: `nothing arrived within ${callTimeoutMs} ms` };
  } catch (error) {
    return { works: false, seen: stop.signal.aborted ? `no answer within ${callTimeoutMs} ms` : reasonOf(error) };
  } finally {
    clearTimeout(overdue);
    stop.abort();
  }
}

/** The contract allows a name of 64 characters. */
async function tryContract(link: Link, { room }: FactsJob): Promise<Trial> {
  try {
    await link.send({ user: "x".repeat(65), text: "refuse me", room }, { timeoutMs: callTimeoutMs });
    return { works: false, seen: "a user name of 65 characters was accepted" };
  } catch (error) {
    const works = error instanceof ConfabError && error.code === "INVALID_MESSAGE";
    return { works, seen: reasonOf(error) };
  }
}

async function tryResume(job: FactsJob, url: string): Promise<Trial> {
  const { room, tag } = job;
  let position = "";
  const left = await withLink(job, url, async (link) => {
    const stop = new AbortController();
    const listening = await link.listen({ room }, { signal: stop.signal });
    position = listening.position;
    stop.abort();
    return { works: true, seen: position };
  });
  if (!left.works) return left;
  const missed = [`${tag}-missed0`, `${tag}-missed1`];
  return withLink(job, url, async (link) => {
    for (const id of missed) await link.send({ user: "lab", text: "missed", room, id }, { timeoutMs: callTimeoutMs });
    const stop = new AbortController();
    const overdue = setTimeout(() => stop.abort(), callTimeoutMs);
    const seen: string[] = [];
    try {
      for await (const message of await link.listen({ room, after: position }, { signal: stop.signal })) {
        seen.push(message.id);
        if (seen.length === missed.length) break;
      }
    } finally {
      clearTimeout(overdue);
      stop.abort();
    }
    const works = seen.join() === missed.join();
    return { works, seen: works ? `${seen.length} missed messages, once and in order` : `got ${seen.join(", ")}` };
  });
}

async function tryProxy(job: FactsJob, passesUpgrades: boolean): Promise<Trial> {
  const proxy = await startHttp1Proxy({ port: job.port, passesUpgrades, isTls: job.ca !== undefined });
  try {
    return await withLink(job, urlOf(job, proxy.port), (link) =>
      tryPush(link, job, passesUpgrades ? "upgrading" : "http1"),
    );
  } finally {
    await proxy.close();
  }
}

async function tryManySends(wire: ClientWire, { port, room, tag }: FactsJob): Promise<Facts["manySends"]> {
  const relay = await startRelay({ port });
  let acknowledged = 0;
  let failure: string | undefined;
  const sender = wire.createSender({
    port: relay.port,
    room,
    isCompressed: false,
    acknowledged: () => {
      acknowledged += 1;
    },
    failed: (reason) => {
      failure ??= reason;
    },
  });
  try {
    await sender.open();
    for (let index = 0; index < sendsAtOnce; index += 1) sender.send(`${tag}-many${index}`);
    if (sender.acknowledges) await until("all answers", () => failure !== undefined || acknowledged === sendsAtOnce);
    const { connections } = relay.counts();
    const seen = failure ?? `${sendsAtOnce} sends at once on ${connections} connection${connections === 1 ? "" : "s"}`;
    return { works: failure === undefined && connections === 1, seen, connections };
  } finally {
    sender.close();
    await relay.close();
  }
}
