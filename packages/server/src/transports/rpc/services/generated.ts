import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import type { PayloadTypes } from "@confab/contract";
import { decodeMessage, encodeMessage } from "../../../service/index.js";
import { spendParsed } from "../../../work/index.js";
import type { Method } from "../method.js";

/** A unary method on generated messages, for the small services beside ours. */
export function unaryMethod<In extends DescMessage, Out extends DescMessage>(
  desc: { readonly input: In; readonly output: Out },
  types: PayloadTypes,
  run: (request: MessageShape<In>) => MessageInitShape<Out>,
): Method {
  return {
    kind: "unary",
    hasNoSideEffects: true,
    call: async (format, request, { caller }) => {
      spendParsed(caller.share, format, request.length);
      const reply = run(decodeMessage(desc.input, format, request, types));
      return encodeMessage(desc.output, format, create(desc.output, reply), types);
    },
  };
}
