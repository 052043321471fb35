import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import type { PayloadTypes } from "@confab/contract";
import { encodeMessage, type WireFormat } from "./wire-format.js";

export interface ListedReplyOptions<Reply extends DescMessage, Item extends DescMessage> {
  readonly reply: Reply;
  readonly item: Item;
  /** The reply's first field, which is the list. */
  readonly list: Extract<keyof MessageInitShape<Reply>, string>;
}

/** A reply whose list is encoded piece by piece, so that other work comes between the pieces. */
export class ListedReply<Reply extends DescMessage, Item extends DescMessage> {
  private readonly pieces: Uint8Array[] = [];

  constructor(
    private readonly options: ListedReplyOptions<Reply, Item>,
    private readonly format: WireFormat,
    private readonly types: PayloadTypes,
  ) {}

  /** Encode some more of the list; at least one item. */
  add(items: readonly MessageInitShape<Item>[]): void {
    const { reply, item, list } = this.options;
    if (this.format === "proto") {
      // Concatenated messages are one whose lists follow each other (protobuf.dev/programming-guides/encoding, "last one wins").
      this.pieces.push(this.encoded(reply, { [list]: items } as MessageInitShape<Reply>));
      return;
    }
    for (const each of items) {
      this.pieces.push(this.pieces.length === 0 ? Buffer.from(`{"${list}":[`) : comma, this.encoded(item, each));
    }
  }

  /** The whole reply, with the fields beside the list. */
  end(rest: MessageInitShape<Reply>): Uint8Array {
    const last = this.encoded(this.options.reply, rest);
    if (this.format === "proto" || this.pieces.length === 0) return Buffer.concat([...this.pieces, last]);
    // `{"nextPage":"x"}` goes on the object that the list has begun, and `{}` ends it.
    const ending = last.length === 2 ? [last.subarray(1)] : [comma, last.subarray(1)];
    return Buffer.concat([...this.pieces, endOfList, ...ending]);
  }

  private encoded<Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>): Uint8Array {
    return encodeMessage(schema, this.format, create(schema, init), this.types);
  }
}

const comma = Buffer.from(",");
const endOfList = Buffer.from("]");
