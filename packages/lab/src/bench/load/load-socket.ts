import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { WireReader } from "./wires/wire.js";

/** One for all sockets: Node reads into it and calls the reader before it reads again, so nothing is allocated per read. */
const sharedReadBuffer = Buffer.alloc(256 * 1024);

export interface LoadSocketOptions {
  readonly port: number;
  /** Undefined: clear text. Whom to trust in PEM, and what to ask for by ALPN. */
  readonly tls?: { readonly ca: string; readonly protocol: "h2" | "http/1.1" } | undefined;
  readonly greeting: Buffer;
  readonly read: WireReader;
  /** The server ended the connection, or it broke. Not called after the socket was destroyed here. */
  readonly lost: (reason: string) => void;
}

/** Connect to the server under test, say the greeting, and hand every read to `read`. */
export function openLoadSocket({ port, tls, greeting, read, lost }: LoadSocketOptions): Socket {
  const onread = {
    buffer: sharedReadBuffer,
    callback: (length: number): boolean => {
      read(sharedReadBuffer, length);
      return true;
    },
  };
  const address = { port, host: "127.0.0.1", noDelay: true, onread };
  const socket = tls
    ? connectTls({ ...address, ca: tls.ca, ALPNProtocols: [tls.protocol] }).setNoDelay(true)
    : connect(address);
  socket.write(greeting);
  socket.once("error", (error) => lost(error.message));
  socket.once("end", () => lost("the server ended the connection"));
  return socket;
}
