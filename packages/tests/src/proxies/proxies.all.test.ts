import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { type PartName, requirePart } from "../optional-parts.js";
import { type TlsFiles, writeTlsFiles } from "../tls/testing/tls-files.js";
import {
  envoyDefaults,
  envoyRecommended,
  haproxyDefaults,
  haproxyRecommended,
  nginxDefaults,
  nginxRecommended,
} from "./testing/plans.js";
import { type ProxyPlan, startProxy } from "./testing/proxy-program.js";
import { type Outcome, transports, tryTransport } from "./testing/trial.js";

/** One proxy with one configuration, and what each transport does through it. README has this table in words. */
interface Setting {
  readonly name: string;
  readonly part: PartName;
  readonly plan: (upstream: number, files: TlsFiles) => ProxyPlan;
  readonly isTls?: boolean;
  /** Longer than the proxy's timeout for a silent connection or stream. */
  readonly idleMs: number;
  /** In the order of `transports`. A client of plain WebSockets is live before it reads, so it says so later than the others. */
  readonly expected: readonly Outcome[];
}

const all = (outcome: Outcome): readonly Outcome[] => transports.map(() => outcome);

const settings: readonly Setting[] = [
  {
    // nginx 1.22 speaks HTTP/1.0 to the server, without Upgrade; it ends a silent response after 60 s.
    name: "nginx with nothing but proxy_pass",
    part: "nginx",
    plan: nginxDefaults,
    idleMs: 65_000,
    expected: ["live failed", "blocked", "blocked", "works", "works", "works", "blocked"],
  },
  {
    name: "nginx with our file",
    part: "nginx",
    plan: nginxRecommended,
    isTls: true,
    idleMs: 125_000,
    expected: all("works"),
  },
  {
    // HAProxy speaks HTTP/1.1 to a server whose line has no `proto h2`, and gRPC needs HTTP/2.
    name: "HAProxy with Debian's defaults",
    part: "haproxy",
    plan: haproxyDefaults,
    idleMs: 55_000,
    expected: ["works", "works", "works", "works", "works", "works", "blocked"],
  },
  {
    name: "HAProxy with our file",
    part: "haproxy",
    plan: haproxyRecommended,
    idleMs: 125_000,
    expected: all("works"),
  },
  {
    // Envoy's route timeout is 15 s from the request's end to the response's end.
    name: "Envoy with its defaults",
    part: "envoy",
    plan: envoyDefaults,
    idleMs: 20_000,
    expected: ["live failed", "blocked", "blocked", "reconnects", "reconnects", "reconnects", "blocked"],
  },
  {
    name: "Envoy with our file",
    part: "envoy",
    plan: envoyRecommended,
    idleMs: 125_000,
    expected: all("works"),
  },
];

describe("through proxies: live, after an idle time, resumed, and large pages", { concurrency: true }, () => {
  let server: ServerProcess;
  let files: TlsFiles;
  before(async () => {
    server = await startServerProcess();
    files = await writeTlsFiles();
  });
  after(async () => {
    await server.stop();
    await files.remove();
  });

  for (const { name, part, plan, isTls = false, idleMs, expected } of settings) {
    it(name, async (t) => {
      const program = requirePart(t, part);
      if (program === undefined) return;
      const proxy = await startProxy(program, plan(server.port, files), isTls ? "https" : "http");
      t.after(() => proxy.stop());
      const outcomes = await Promise.all(
        transports.map((transport) =>
          tryTransport({
            proxyUrl: proxy.url,
            serverUrl: server.url,
            transport,
            idleMs,
            ca: isTls ? files.cert : undefined,
          }),
        ),
      );
      const table = (values: readonly Outcome[]) =>
        transports.map((transport, index) => `${transport}: ${values[index]}`);
      assert.deepEqual(table(outcomes), table(expected));
    });
  }
});
