import { ConfabError } from "@confab/contract";

/**
 * The request of a call that takes exactly one message. None or two is UNIMPLEMENTED in gRPC (grpc/doc/statuscodes.md,
 * "Request cardinality violation"), and so it is in gRPC-Web and in Connect's streams (connectrpc/conformance).
 */
export class OneMessage {
  private bytes: Uint8Array | undefined;

  /** @throws WRONG_MESSAGE_COUNT: it is the second one. */
  put(bytes: Uint8Array): void {
    if (this.bytes) throw new ConfabError("WRONG_MESSAGE_COUNT", "this call takes one message, and more came");
    this.bytes = bytes;
  }

  /** The client sends no more. @throws WRONG_MESSAGE_COUNT: there is none. */
  get(): Uint8Array {
    if (!this.bytes) throw new ConfabError("WRONG_MESSAGE_COUNT", "this call takes one message, and none came");
    return this.bytes;
  }
}
