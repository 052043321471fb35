import { constants } from "node:crypto";
import type { Server, Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import { clientCertificateOf } from "./client-certificate.js";
import { awaitFirstBytes, type NewcomerOptions, putBack } from "./newcomer.js";
import { peerOf, setPeer } from "./peer.js";
import { acceptConnections, openingOptions, type PortOptions } from "./port.js";
import { turnAway } from "./turn-away.js";

/** A certificate, with the chain to its authority behind it, and its key; both in PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** The authorities that vouch for clients. */
export interface ClientTrust {
  /** Their certificates. */
  readonly pem: readonly string[];
  /** See `ClientCertificate.authoritiesVersion`. */
  readonly version: number;
}

export interface TlsPortOptions extends PortOptions {
  readonly keyPair: KeyPair;
  /** Whose clients' certificates are taken. Undefined: clients are not asked for one. What is in it may change. */
  readonly clientAuthorities?: ClientTrust | undefined;
  /** A client showed a certificate that is not taken, and its connection ends. */
  readonly onRefusedCertificate?: ((remoteAddress: string, reason: string) => void) | undefined;
  /** Said to whoever does not speak TLS before the connection ends. */
  readonly clearTextAnswer: Uint8Array;
}

export interface TlsPort {
  readonly server: Server;
  /** For all handshakes from now on, with the authorities as they are now; existing connections keep what they have. */
  setKeyPair(keyPair: KeyPair): void;
}

/**
 * The one port with a certificate:
 *
 *     TCP ─ first byte ┬─ no handshake record ─► answered in the clear, and ended
 *                      └─ TLS handshake, ALPN ┬─ h2 ───────────────────────────────────► HTTP/2
 *                                             ├─ http/1.1 ─────────────────────────────► HTTP/1.1
 *                                             ├─ nothing asked for ─ by the first bytes ► one of them
 *                                             └─ something else ─► alert no_application_protocol (RFC 7301 §3.2)
 *
 * Clients are asked for a certificate where there are authorities of clients. They need not show one: browsers have none.
 * One that no authority vouches for ends the connection when the handshake is over, before anything is read from it.
 *
 * A client that asked for a protocol is held to it: bytes for another service that are lured here must not be taken for
 * a request (the ALPACA attack).
 */
export function createTlsPort(options: TlsPortOptions): TlsPort {
  const { clientAuthorities } = options;
  const opening = openingOptions(options);
  /** The authorities that a handshake began with. */
  const versions = new WeakMap<Socket, number>();
  // It never listens: connections that begin as TLS does are given to it.
  const handshakes = createTlsServer(
    {
      ...contextOptions(options.keyPair, clientAuthorities),
      requestCert: clientAuthorities !== undefined,
      // It would refuse clients without a certificate, too.
      rejectUnauthorized: false,
      ALPNProtocols: ["h2", "http/1.1"],
      handshakeTimeout: options.prefaceTimeoutMs,
    },
    (socket) => {
      const below = socketBelow(socket);
      const peer = peerOf(below);
      const certificate = clientAuthorities && clientCertificateOf(socket, versions.get(below) ?? 0);
      if (certificate && "fault" in certificate) {
        options.onRefusedCertificate?.(peer.address, certificate.fault);
        socket.destroy();
        return;
      }
      setPeer(socket, { ...peer, certificate });
      if (socket.alpnProtocol === "h2") options.onHttp2(socket, nothing);
      else if (socket.alpnProtocol === "http/1.1") options.onHttp1(socket);
      else awaitFirstBytes(socket, opening);
    },
  );
  // What is wrong with a handshake Node tells, and leaves the socket to us: also of one that was not finished in time.
  handshakes.on("tlsClientError", (_error, socket) => socket.destroy());
  const greeting: NewcomerOptions<"tls" | "clear"> = {
    timeoutMs: options.prefaceTimeoutMs,
    protocolOf: ([first]) => (first === handshakeRecord ? "tls" : "clear"),
    admit: (protocol, socket, firstBytes) => {
      if (protocol === "clear") {
        turnAway(socket, options.clearTextAnswer);
        return;
      }
      // TLS reads what is in the socket, and then the connection below it: the socket itself never flows again.
      putBack(socket, firstBytes);
      if (clientAuthorities) versions.set(socket, clientAuthorities.version);
      handshakes.emit("connection", socket);
    },
  };
  return {
    server: acceptConnections(options, (socket) => awaitFirstBytes(socket, greeting)),
    setKeyPair: (keyPair) => handshakes.setSecureContext(contextOptions(keyPair, clientAuthorities)),
  };
}

const nothing = new Uint8Array(0);

/** The type of the record that every client of TLS begins with (RFC 8446 §5.1); no method of HTTP begins so. */
const handshakeRecord = 0x16;

/** Node's own link from a TLS socket to the one below it: no other way leads from the handshake's end to its beginning. */
function socketBelow(socket: TLSSocket & { readonly _parent?: Socket }): Socket {
  return socket._parent ?? socket;
}

function contextOptions({ cert, key }: KeyPair, clientAuthorities: ClientTrust | undefined) {
  return {
    cert,
    key,
    ...(clientAuthorities && { ca: [...clientAuthorities.pem] }),
    // 1.0 and 1.1 are deprecated (RFC 8996), and HTTP/2 must not use them (RFC 9113 §9.2).
    minVersion: "TLSv1.2" as const,
    // HTTP/2 forbids renegotiation (RFC 9113 §9.2.1), and nobody needs it: it is a way to have us compute.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  };
}
