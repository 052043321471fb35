import type { DescField, DescMessage, DescMethod, DescService } from "@bufbuild/protobuf";
import { comments } from "@confab/contract/gen/confab/v1/comments";

/** What the contract's comment says of a part of it; empty where it has none, and for types that are not the contract's. */
export function commentOf(desc: DescMessage | DescField | DescMethod | DescService): string {
  return comments[fullNameOf(desc)] ?? "";
}

/** A comment as OpenAPI has it: the first sentence, and all of it where there is more. */
export function summaryAndDescription(comment: string): { readonly summary?: string; readonly description?: string } {
  if (comment === "") return {};
  const summary = /^[\s\S]*?\.(?=\s|$)/.exec(comment)?.[0] ?? comment;
  return {
    summary: summary.replace(/\.$/, "").replace(/\s+/g, " "),
    ...(summary !== comment && { description: comment }),
  };
}

function fullNameOf(desc: DescMessage | DescField | DescMethod | DescService): string {
  return desc.kind === "field" || desc.kind === "rpc" ? `${desc.parent.typeName}.${desc.name}` : desc.typeName;
}
