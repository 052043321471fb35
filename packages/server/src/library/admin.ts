import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { ConfabError, parsePosition } from "@confab/contract";
import { EraseMessageRequestSchema, RevokeRequestSchema } from "@confab/contract/gen/confab/v1/admin_service_pb";
import { type Caller, type Operations, wirePositionFrom } from "../service/index.js";

/** Which tokens to refuse: one by its id, those of a user, or all; the latter two as far as they were issued before a time. */
export interface RevokedTokens {
  /** The claim `jti` of one token. */
  readonly tokenId?: string;
  readonly user?: string;
  /** Default: now. */
  readonly issuedBefore?: Date;
}

/** What an operator can do, for the program that the server is part of. It is in the audit log, as what clients do. */
export class Admin {
  constructor(
    private readonly operations: Operations,
    private readonly caller: Caller,
  ) {}

  /**
   * Refuse tokens that have not expired, on all nodes. What they opened ends within about a second. Resolves once it is
   * durable, with the time until which it is kept.
   */
  async revoke({ tokenId = "", user = "", issuedBefore }: RevokedTokens): Promise<Date> {
    const asked = { tokenId, user, ...(issuedBefore && { issuedBefore: timestampFromDate(issuedBefore) }) };
    return new Date(await this.operations.revoke(create(RevokeRequestSchema, asked), this.caller));
  }

  /** Erase the text and the payload of one message, on all nodes. Resolves once that is durable. @throws OUT_OF_RANGE */
  async erase(room: string, position: string): Promise<void> {
    const parsed = parsePosition(position);
    if (!parsed)
      throw new ConfabError(
        "INVALID_MESSAGE",
        `position is ${JSON.stringify(position)}; it must be a position such as 7:12`,
      );
    const asked = create(EraseMessageRequestSchema, { room, position: wirePositionFrom(parsed) });
    await this.operations.erase(asked, this.caller);
  }
}
