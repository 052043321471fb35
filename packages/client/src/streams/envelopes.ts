import { ConfabError, EnvelopeReader } from "@confab/contract";
import { networkFailure } from "../network-failure.js";

/** The longest message that is taken from a server: a page of history at its largest is well below. */
export const maxReplyBytes = 67_108_864;

export interface Envelope {
  readonly flags: number;
  readonly message: Uint8Array;
}

/**
 * The envelopes in a stream of chunks.
 *
 * @throws PROTOCOL_VIOLATION: one is too large.
 * @throws ENGINE_UNAVAILABLE (retry), as the network's: the stream ended within one. Servers write whole ones, so something
 * between cut it, and HTTP/2 tells that by no more than an end.
 */
export async function* envelopes(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Envelope> {
  let ready: Envelope[] = [];
  const reader = new EnvelopeReader(
    maxReplyBytes,
    (flags, message) => ready.push({ flags, message }),
    (length) => {
      throw new ConfabError("PROTOCOL_VIOLATION", `the server announced a message of ${length} bytes`);
    },
  );
  for await (const chunk of chunks) {
    reader.push(chunk);
    const batch = ready;
    ready = [];
    yield* batch;
  }
  if (!reader.isAtBoundary) throw networkFailure("ENGINE_UNAVAILABLE", "the stream was cut off within a message");
}
