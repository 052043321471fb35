import type { ChatService } from "@confab/contract/gen/confab/v1/chat_service_pb";
import type { CallBounds } from "../call-signal.js";
import type { WireFormat } from "../wire/requests.js";

/** An RPC of `confab.v1.ChatService`. */
export type MethodName = Exclude<Capitalize<keyof typeof ChatService.method>, "Converse">;

/** The path of a method on every RPC protocol. */
export function methodPath(method: MethodName | "Converse"): string {
  return `/confab.v1.ChatService/${method}`;
}

/** One RPC protocol: bytes of a request in, bytes of replies out. What they mean is `RpcLink`'s to know. */
export interface RpcCaller {
  readonly format: WireFormat;
  /** Whether the head of a stream is seen as soon as the server has sent it. Not by `fetch`: see `startOf`. */
  readonly showsHeadsAtOnce: boolean;
  /** @throws ConfabError, `bounds.reason()` when the bounds ended it. */
  unary(method: MethodName, request: Uint8Array<ArrayBuffer>, bounds: CallBounds): Promise<Uint8Array>;
  /** Resolves with the response's head, before the first message. `signal` ends it at any time. */
  serverStream(method: MethodName, request: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<RpcStream>;
  close(): void;
}

export interface RpcStream {
  header(name: string): string | undefined;
  /** Ends when the server ended the stream well, and throws the ConfabError it ended with otherwise. */
  readonly messages: AsyncIterable<Uint8Array>;
}
