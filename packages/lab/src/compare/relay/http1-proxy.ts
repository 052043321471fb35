import { once } from "node:events";
import {
  type ClientRequest,
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type RequestListener,
  request,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer, request as tlsRequest } from "node:https";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { labCertificate, labKey } from "../certificate.js";

export interface Http1Proxy {
  readonly port: number;
  close(): Promise<void>;
}

export interface Http1ProxyOptions {
  readonly port: number;
  /**
   * Whether it knows what `Upgrade` means and then passes bytes on blindly, as a reverse proxy that was set up for
   * WebSockets does. Without it the field is removed, as RFC 9110 §7.6.1 asks of intermediaries.
   */
  readonly passesUpgrades: boolean;
  /** Whether it ends TLS, offering HTTP/1.1 alone by ALPN, and speaks TLS to the server too. */
  readonly isTls: boolean;
}

/** Fields that belong to one connection and are not passed on (RFC 9110 §7.6.1); trailers are not either, as is usual. */
const connectionFields = new Set([
  "connection",
  "upgrade",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
]);

/** A reverse proxy that speaks HTTP/1.1 to both sides and passes bodies on as they come: what many companies have. */
export async function startHttp1Proxy({ port, passesUpgrades, isTls }: Http1ProxyOptions): Promise<Http1Proxy> {
  const sockets = new Set<Duplex>();
  const ask = isTls ? tlsRequest : request;
  const answers: RequestListener = (incoming, answer) =>
    forward(ask({ ...requestOptions(port, incoming), ca: labCertificate }), incoming, answer);
  const keyPair = { cert: labCertificate, key: labKey, ALPNProtocols: ["http/1.1"] };
  const proxy = isTls ? createTlsServer(keyPair, answers) : createServer(answers);
  proxy.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  if (passesUpgrades) {
    proxy.on("upgrade", (incoming: IncomingMessage, client: Duplex, first: Buffer) => {
      const address = { port, host: "127.0.0.1" };
      const server = isTls
        ? connectTls({ ...address, ca: labCertificate, ALPNProtocols: ["http/1.1"] })
        : connect(address);
      sockets.add(server);
      const fields = incoming.rawHeaders.flatMap((text, index, all) =>
        index % 2 === 0 ? [`${text}: ${all[index + 1] ?? ""}`] : [],
      );
      server.write(`${incoming.method} ${incoming.url} HTTP/1.1\r\n${fields.join("\r\n")}\r\n\r\n`);
      server.write(first);
      server.pipe(client).pipe(server);
      // Whichever side breaks, the other one has nobody to talk to.
      server.on("error", () => client.destroy());
      client.on("error", () => server.destroy());
      server.on("close", () => client.destroy());
      client.on("close", () => server.destroy());
    });
  }
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  return {
    port: (proxy.address() as AddressInfo).port,
    async close() {
      const closed = once(proxy, "close");
      proxy.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function requestOptions(port: number, { method = "GET", url = "/", headers }: IncomingMessage) {
  return { port, host: "127.0.0.1", method, path: url, headers: keptFields(headers), agent: false as const };
}

function forward(outgoing: ClientRequest, incoming: IncomingMessage, answer: ServerResponse): void {
  outgoing.on("response", (response) => {
    answer.writeHead(response.statusCode ?? 502, keptFields(response.headers));
    answer.flushHeaders();
    response.pipe(answer);
    response.on("error", () => answer.destroy());
  });
  outgoing.on("error", () => {
    if (answer.headersSent) answer.destroy();
    else answer.writeHead(502).end();
  });
  answer.on("close", () => outgoing.destroy());
  incoming.pipe(outgoing);
}

function keptFields(fields: IncomingMessage["headers"]): OutgoingHttpHeaders {
  const kept: OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries(fields))
    if (value !== undefined && !connectionFields.has(name)) kept[name] = value;
  return kept;
}
