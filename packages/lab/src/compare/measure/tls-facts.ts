import { once } from "node:events";
import { connect } from "node:tls";

/** What client and server of a comparison agreed on; the same for all transports. */
export interface TlsFacts {
  readonly version: string;
  readonly cipher: string;
  /** The curve that keys were agreed on with. */
  readonly keyExchange: string;
  /** The certificate's key: `ec prime256v1`. */
  readonly keyType: string;
  /** The certificate as it is sent, in DER. There is no chain behind it. */
  readonly certificateBytes: number;
}

/** Make a handshake as the measuring clients do, and look. @throws Error: there is no agreement. */
export async function readTlsFacts(port: number, ca: string): Promise<TlsFacts> {
  const socket = connect({ port, host: "127.0.0.1", ca, ALPNProtocols: ["http/1.1"] });
  try {
    await once(socket, "secureConnect");
    const key = socket.getEphemeralKeyInfo();
    const certificate = socket.getPeerX509Certificate();
    const { asymmetricKeyType, asymmetricKeyDetails } = certificate?.publicKey ?? {};
    return {
      version: socket.getProtocol() ?? "unknown",
      cipher: socket.getCipher().standardName ?? "unknown",
      keyExchange: (key !== null && "name" in key ? key.name : undefined) ?? "unknown",
      keyType: [asymmetricKeyType, asymmetricKeyDetails?.namedCurve].filter((word) => word !== undefined).join(" "),
      certificateBytes: certificate?.raw.length ?? 0,
    };
  } finally {
    socket.destroy();
  }
}
