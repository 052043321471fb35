import {
  type DescMessage,
  type DescMethodUnary,
  fromJson,
  type JsonValue,
  type MessageShape,
  toJson,
} from "@bufbuild/protobuf";
import { HookFault } from "../service/index.js";
import { signatureOf } from "./signature.js";
import { bodyOf, type CallBounds, type HookWire, statusFault } from "./wire.js";

/** Plain HTTP: a POST for each event, in JSON and signed. */
export class JsonWire implements HookWire {
  readonly format = "json";

  constructor(
    private readonly url: string,
    private readonly secret: string,
    private readonly nowMs: () => number,
  ) {}

  async call<In extends DescMessage, Out extends DescMessage>(
    rpc: DescMethodUnary<In, Out>,
    request: MessageShape<In>,
    { signal }: CallBounds,
  ): Promise<MessageShape<Out>> {
    // Within what is signed: the event of one hook must not pass for that of another.
    const body = JSON.stringify({ hook: hookOf(rpc), event: toJson(rpc.input, request) });
    const response = await fetch(this.url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json",
        "confab-signature": signatureOf(body, this.secret, this.nowMs()),
      },
      body,
      // A redirection could lead to any address, without TLS.
      redirect: "error",
      signal,
    });
    if (!response.ok) throw await statusFault(response);
    return answerFrom(rpc.output, await bodyOf(response));
  }
}

/** `send` for OnSend. */
function hookOf({ name }: DescMethodUnary): string {
  return name.replace(/^On/, "").toLowerCase();
}

function answerFrom<Out extends DescMessage>(schema: Out, body: Uint8Array): MessageShape<Out> {
  const text = Buffer.from(body).toString();
  try {
    const json = text === "" ? {} : (JSON.parse(text) as JsonValue);
    return fromJson(schema, json);
  } catch (cause) {
    throw new HookFault(`the answer is not a ${schema.name} in JSON: ${reasonOf(cause)}`, { cause });
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
