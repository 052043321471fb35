import type { DescMessage, DescMethodUnary, MessageShape } from "@bufbuild/protobuf";
import { HookFault } from "../service/index.js";

/** What bounds one call. */
export interface CallBounds {
  /** How long the answer is waited for, in milliseconds: told to the service. */
  readonly timeoutMs: number;
  /** Aborted when it is not waited for any more. */
  readonly signal: AbortSignal;
}

/** Carries requests to a `HookService` and its answers back, in one of the forms. */
export interface HookWire {
  /** In JSON a payload is in `encoded_payload`: JSON codecs refuse an `Any` of a type that they do not know. */
  readonly format: "proto" | "json";
  /** @throws HookFault, or what the connection failed with. */
  call<In extends DescMessage, Out extends DescMessage>(
    rpc: DescMethodUnary<In, Out>,
    request: MessageShape<In>,
    bounds: CallBounds,
  ): Promise<MessageShape<Out>>;
}

/** One answer, in bytes, after decompression. */
export const maxAnswerBytes = 1_048_576;

export function tooLarge(): HookFault {
  return new HookFault(`the answer is larger than ${maxAnswerBytes} bytes`);
}

/** The body of an answer. @throws HookFault: it is too large. */
export async function bodyOf(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    // Leaving the loop cancels the body.
    if (length > maxAnswerBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

/** An answer that is not one. Its body may say why, to the log. */
export async function statusFault(response: Response): Promise<HookFault> {
  const text = Buffer.from(await bodyOf(response))
    .toString()
    .slice(0, 200);
  return new HookFault(`the answer has the HTTP status ${response.status}${text === "" ? "" : `: ${text}`}`);
}
