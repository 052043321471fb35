import { ConfabError } from "@confab/contract";

/** Under a `ConfabError` that came neither from a server nor from the network. */
class ClientFault extends Error {
  override readonly name = "ClientFault";
}

/**
 * Any thrown value as an error of the catalogue. What no link throws on purpose is a fault of this program, of the
 * application's own functions, or of a platform that lacks something: it is final, because a retry would fail alike, and
 * says what it is, because a client has no secrets to keep from its own application.
 */
export function failureFrom(thrown: unknown): ConfabError {
  if (thrown instanceof ConfabError) return thrown;
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return new ConfabError("INTERNAL", `the client failed: ${text}`, { cause: new ClientFault(text, { cause: thrown }) });
}

/** Whether an error is the client's own, and not INTERNAL of a server. */
export function isClientFault({ facts }: ConfabError): boolean {
  return facts.cause instanceof ClientFault;
}
