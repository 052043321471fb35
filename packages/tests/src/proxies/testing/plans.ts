import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ProxyFiles, ProxyPlan } from "./proxy-program.js";

/** Configurations by proxy: its defaults with nothing but an address, and the file that we recommend. */
const deploy = fileURLToPath(new URL("../../../../../deploy", import.meta.url));

/** Read a shipped file and put the test's addresses into it. Each line that is to be replaced must be there. */
function shipped(path: string, replacements: Readonly<Record<string, string>>): string {
  return Object.entries(replacements).reduce(
    (text, [from, to]) => {
      if (!text.includes(from)) throw new Error(`deploy/${path} has no "${from}"`);
      return text.replaceAll(from, to);
    },
    readFileSync(join(deploy, path), "utf8"),
  );
}

/** nginx needs a folder for its temporary files, and no daemon; neither changes how it passes things on. */
function nginxConfig({ folder }: ProxyFiles, inHttp: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  return [
    `daemon off; pid ${folder}/pid; error_log stderr;`,
    "events {}",
    `http { access_log off; ${temporary.join(" ")}`,
    inHttp,
    "}",
  ].join("\n");
}

const nginxArgs = ({ folder, config }: ProxyFiles) => ["-p", folder, "-c", config, "-e", "stderr"];

/** `proxy_pass` and nothing else. */
export function nginxDefaults(upstream: number): ProxyPlan {
  return {
    config: (files) =>
      nginxConfig(
        files,
        `server { listen 127.0.0.1:${files.port}; location / { proxy_pass http://127.0.0.1:${upstream}; } }`,
      ),
    args: nginxArgs,
  };
}

/** `deploy/nginx/confab.conf`, with a certificate of the test's. */
export function nginxRecommended(upstream: number, certificate: { certFile: string; keyFile: string }): ProxyPlan {
  return {
    config: (files) =>
      nginxConfig(
        files,
        shipped("nginx/confab.conf", {
          "127.0.0.1:8080": `127.0.0.1:${upstream}`,
          "listen 443 ssl http2": `listen 127.0.0.1:${files.port} ssl http2`,
          "/etc/ssl/chat.example.pem": certificate.certFile,
          "/etc/ssl/chat.example.key": certificate.keyFile,
        }),
      ),
    args: nginxArgs,
  };
}

const haproxyArgs = ({ config }: ProxyFiles) => ["-db", "-f", config];

/** Debian's `haproxy.cfg` (mode http, its timeouts), with one frontend and one server. */
export function haproxyDefaults(upstream: number): ProxyPlan {
  return {
    config: ({ port }) =>
      [
        "defaults",
        "  mode http",
        "  timeout connect 5000",
        "  timeout client  50000",
        "  timeout server  50000",
        "frontend main",
        `  bind 127.0.0.1:${port}`,
        "  default_backend confab",
        "backend confab",
        `  server one 127.0.0.1:${upstream}`,
        "",
      ].join("\n"),
    args: haproxyArgs,
  };
}

/** TCP, with an option of the server's line. */
export function haproxyToServer(upstream: number, option: string): ProxyPlan {
  return {
    config: ({ port }) =>
      [
        "defaults",
        "  mode tcp",
        "  timeout connect 5000",
        "  timeout client  50000",
        "  timeout server  50000",
        "listen main",
        `  bind 127.0.0.1:${port}`,
        `  server one 127.0.0.1:${upstream} ${option}`,
        "",
      ].join("\n"),
    args: haproxyArgs,
  };
}

/** `deploy/compose/haproxy.cfg`, which balances connections. */
export function haproxyRecommended(upstream: number): ProxyPlan {
  return {
    config: ({ port }) =>
      shipped("compose/haproxy.cfg", {
        "bind :8080": `bind 127.0.0.1:${port}`,
        "node1:8080": `127.0.0.1:${upstream}`,
        "node2:8080": `127.0.0.1:${upstream}`,
        "node3:8080": `127.0.0.1:${upstream}`,
      }),
    args: haproxyArgs,
  };
}

const envoyArgs = ({ config }: ProxyFiles) => [
  ...["--config-path", config, "--log-level", "warning"],
  ...["--disable-hot-restart", "--concurrency", "1"],
];

/** What Envoy's "getting started" has: one listener, one route, one cluster. */
export function envoyDefaults(upstream: number): ProxyPlan {
  const manager =
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
  const router = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
  const socket = (port: number) => ({ socket_address: { address: "127.0.0.1", port_value: port } });
  return {
    config: ({ port }) => {
      const filter = {
        name: "envoy.filters.network.http_connection_manager",
        typed_config: {
          "@type": manager,
          stat_prefix: "ingress_http",
          http_filters: [{ name: "envoy.filters.http.router", typed_config: { "@type": router } }],
          route_config: {
            name: "local_route",
            virtual_hosts: [
              { name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "confab" } }] },
            ],
          },
        },
      };
      const endpoints = [{ lb_endpoints: [{ endpoint: { address: socket(upstream) } }] }];
      return JSON.stringify({
        static_resources: {
          listeners: [{ name: "listener_0", address: socket(port), filter_chains: [{ filters: [filter] }] }],
          clusters: [{ name: "confab", type: "STATIC", load_assignment: { cluster_name: "confab", endpoints } }],
        },
      });
    },
    args: envoyArgs,
  };
}

/** `deploy/compose/envoy.yaml`, which balances requests. */
export function envoyRecommended(upstream: number): ProxyPlan {
  return {
    config: ({ port }) =>
      shipped("compose/envoy.yaml", {
        "address: 0.0.0.0, port_value: 8080": `address: 127.0.0.1, port_value: ${port}`,
        "address: node1, port_value: 8080": `address: 127.0.0.1, port_value: ${upstream}`,
        "address: node2, port_value: 8080": `address: 127.0.0.1, port_value: ${upstream}`,
        "address: node3, port_value: 8080": `address: 127.0.0.1, port_value: ${upstream}`,
      }),
    args: envoyArgs,
  };
}
