import { openLink, type SocketLike } from "@confab/client";
import { type DecodeResult, fuzz } from "./fuzz.js";

/** A socket that is open, whose server says what the test says. */
class ScriptedSocket implements SocketLike {
  binaryType = "arraybuffer";
  readonly protocol = "";
  readonly readyState = 1;
  wasClosed = false;
  private readonly listeners = new Map<string, (event: never) => void>();

  addEventListener(type: string, listener: (event: never) => void): void {
    this.listeners.set(type, listener);
  }

  say(type: "open" | "message", event: unknown): void {
    this.listeners.get(type)?.(event as never);
  }

  send(): void {
    // What the client says is not looked at.
  }

  close(): void {
    this.wasClosed = true;
  }
}

/** Whether a client takes these bytes for a frame of its server, or ends the connection because of them. */
async function hear(format: "proto" | "json", data: ArrayBuffer | string): Promise<DecodeResult> {
  const socket = new ScriptedSocket();
  const platform = { fetch: () => Promise.reject(new Error("not asked")), makeSocket: () => socket };
  const link = openLink(`websocket-${format}`, { url: "http://a" }, platform);
  const opened = link.open().then(
    () => "welcomed",
    (error: unknown) => String(error),
  );
  socket.say("open", {});
  socket.say("message", { data });
  const { wasClosed } = socket;
  link.close();
  const outcome = await opened;
  return wasClosed ? { refused: outcome } : { taken: outcome };
}

fuzz({
  name: "server-frame-proto",
  decode: (chunks) => hear("proto", new Uint8Array(Buffer.concat(chunks)).buffer),
});

fuzz({
  name: "server-frame-json",
  decode: (chunks) => hear("json", Buffer.concat(chunks).toString("utf8")),
});
