import type { Call, CallHandler, Method } from "./method.js";
import { rpcErrorFrom } from "./rpc-error.js";

/** Answers the one message of a unary call. */
export class UnaryHandler implements CallHandler {
  constructor(
    private readonly call: Call,
    private readonly run: Extract<Method, { kind: "unary" }>["call"],
  ) {}

  message(bytes: Uint8Array): void {
    const { call } = this;
    this.run(call.format, bytes, call).then(
      (reply) => call.reply(reply),
      (thrown) => call.finish(rpcErrorFrom(thrown)),
    );
  }
}
