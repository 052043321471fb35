import { connect } from "node:http2";
import type { HttpRequest } from "./http-types.js";

const maxReasonLength = 200;
const callTimeoutMs = 3_000;

/** What the body of an HTTP answer says of an error: its `message`, in the JSON that Connect and REST have for it. */
export function refusalFromBody(status: string, body: Buffer): string {
  const text = body.toString("utf8");
  let message = text;
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === "object" && json !== null && "message" in json) message = String(json.message);
  } catch {
    // Not JSON: the text itself is all there is.
  }
  return message === "" ? status : `${status}: ${message.slice(0, maxReasonLength)}`;
}

/**
 * Why a gRPC call was refused. That stands in header fields, which the measuring client does not decode: so a client that
 * does makes the call once more. Never rejects.
 */
export function grpcRefusal(
  { port, ca }: { readonly port: number; readonly ca: string | undefined },
  { path, headers, body }: HttpRequest,
): Promise<string> {
  return new Promise((resolve) => {
    const session =
      ca === undefined ? connect(`http://127.0.0.1:${port}`) : connect(`https://127.0.0.1:${port}`, { ca });
    const done = (reason: string): void => {
      session.destroy();
      resolve(`the call was refused: ${reason}`);
    };
    session.once("error", (error) => done(error.message));
    session.setTimeout(callTimeoutMs, () => done("no reason came when it was made again"));
    const stream = session.request({ ":method": "POST", ":path": path, ...Object.fromEntries(headers) });
    const read = (fields: Readonly<Record<string, unknown>>): void => {
      const status = fields["grpc-status"];
      if (status === undefined) return;
      done(
        status === "0"
          ? "made again, it was accepted"
          : `status ${status}, ${decoded(String(fields["grpc-message"] ?? "without a message"))}`,
      );
    };
    stream.once("response", read).once("trailers", read);
    stream.once("error", (error) => done(error.message));
    stream.resume().end(body);
  });
}

/** On one line, and with the percent-encoding undone that gRPC has for its messages (PROTOCOL-HTTP2.md, `Status-Message`). */
export function decoded(text: string): string {
  const line = text.replace(/\s+/g, " ");
  try {
    return decodeURIComponent(line).slice(0, maxReasonLength);
  } catch {
    // A percent sign that begins no escape: JSON, or a server that encodes nothing.
    return line.slice(0, maxReasonLength);
  }
}
