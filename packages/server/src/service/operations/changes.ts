import { create } from "@bufbuild/protobuf";
import type { Ack, ChangeKind, ConfabError, NewMessage } from "@confab/contract";
import {
  type DeleteMessageRequest,
  DeleteMessageRequestSchema,
  type EditMessageRequest,
  EditMessageRequestSchema,
  PositionSchema,
  type ReactRequest,
  ReactRequestSchema,
} from "@confab/contract/gen/confab/v1/message_pb";
import { refuseViolations, violationsOf } from "@confab/contract/validation";
import { type MessageChanging, type RoomId, roomIdFrom } from "../../core/index.js";
import { payloadFrom, positionFrom } from "../conversions.js";
import { audited } from "./audit.js";
import { type Caller, charged } from "./caller.js";
import { denied, type Operation, type OperationDeps } from "./operation.js";
import type { Action } from "./principal.js";
import { sentBytes } from "./send.js";

type ChangeRequest = DeleteMessageRequest | EditMessageRequest | ReactRequest;

/** A change of a message that keeps the contract. */
type Checked = Omit<MessageChanging, "refusalFor" | "share">;

type ChangeOperation<Asked extends ChangeRequest> = Operation<Asked, Checked, Promise<Ack>>;

/** Change what a message says. Resolves once the edit is durable. @throws what `Hub.change` throws. */
export const edit: ChangeOperation<EditMessageRequest> = {
  ...changing("edit"),
  check: (asked, { types }) => {
    refuseViolations(violationsOf(EditMessageRequestSchema, asked));
    // The contract refuses an edit with both.
    const payload = payloadFrom(asked.payload ?? asked.encodedPayload);
    if (payload) types.check(payload);
    return { ...checkedChange(asked, { kind: "edit" }), text: asked.text, payload };
  },
};

/** Delete a message. Resolves once that is durable, and no reader gets its text any more. @throws as `edit` */
export const deleteMessage: ChangeOperation<DeleteMessageRequest> = {
  ...changing("delete"),
  check: (asked) => {
    refuseViolations(violationsOf(DeleteMessageRequestSchema, asked));
    return checkedChange(asked, { kind: "deletion" });
  },
};

/** React to a message, or take that back. Resolves once it is durable. @throws as `edit` */
export const react: ChangeOperation<ReactRequest> = {
  ...changing(),
  check: (asked) => {
    refuseViolations(violationsOf(ReactRequestSchema, asked));
    const { emoji, removed } = asked;
    return checkedChange(asked, { kind: "reaction", emoji, removed });
  },
};

/**
 * What changes of messages have in common. `ofOthers`: what a caller must be allowed to do, beside `send`, to change the
 * messages of other users; undefined: nothing.
 */
function changing(ofOthers?: Action) {
  return {
    action: "send",
    named: <Asked extends ChangeRequest>(asked: Asked, user: string): Asked =>
      asked.user === "" ? { ...asked, user } : asked,
    scopeOf: ({ room }: Checked) => room,
    userOf: ({ user }: Checked) => user,
    run: (checked: Checked, caller: Caller, deps: OperationDeps) => {
      const { hub, rates, rooms } = deps;
      const { room, user } = checked;
      const share = rates?.reading(caller) ?? caller.share;
      rates?.takeSend(caller, { messages: 1, bytes: sentBytes(checked) });
      const refusalFor = (owner: string): ConfabError | undefined =>
        ofOthers === undefined || owner === user || caller.principal.may(ofOthers, room)
          ? undefined
          : refused(ofOthers, room, caller, deps);
      const append = ({ text, payload }: Pick<NewMessage, "text" | "payload">) =>
        hub.change({ ...checked, text, payload, refusalFor, share }, rooms.of(room).maxMessageBytes);
      const hook = deps.hooks?.send;
      if (hook === undefined) return append(checked);
      const { change, position, ...content } = checked;
      // Only an edit has a content that a hook could change.
      return hook.pass({ ...content, changes: { change, position } }, caller, (passed) =>
        append(change.kind === "edit" ? passed : checked),
      );
    },
  } as const;
}

function checkedChange({ user, room, id, position }: ChangeRequest, change: ChangeKind): Checked {
  // The contract requires a position.
  const at = positionFrom(position ?? create(PositionSchema));
  return { user, room: roomIdFrom(room), id, position: at, change, text: "" };
}

function refused(action: Action, room: RoomId, caller: Caller, { audit }: OperationDeps): ConfabError {
  return charged(caller, audited(audit, { caller, action, scope: room }, denied(action, room)));
}
