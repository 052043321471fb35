import { deleteMessage, edit, react } from "./changes.js";
import { connections, disconnect } from "./connections.js";
import { deleteRoom } from "./delete-room.js";
import { erase } from "./erase.js";
import { eraseUser } from "./erase-user.js";
import { history } from "./history.js";
import { members } from "./members.js";
import { newest } from "./newest.js";
import { type OperationDeps, opened } from "./operation.js";
import { publish } from "./publish.js";
import { markRead, readMarks } from "./read-marks.js";
import { revocations, revoke } from "./revoke.js";
import { roomRetention, setRoomRetention } from "./room-retention.js";
import { rooms } from "./rooms.js";
import { scrub } from "./scrub.js";
import { send } from "./send.js";
import { sendAll } from "./send-all.js";
import { signal } from "./signal.js";
import { subscribe } from "./subscribe.js";
import { subscribePrefix } from "./subscribe-prefix.js";

/** The contract's operations, each behind the check of its request and of its caller's permissions. */
export type Operations = ReturnType<typeof operationsOn>;

export function operationsOn(deps: OperationDeps) {
  return {
    send: opened(send, deps),
    sendAll: opened(sendAll, deps),
    edit: opened(edit, deps),
    deleteMessage: opened(deleteMessage, deps),
    react: opened(react, deps),
    subscribe: opened(subscribe, deps),
    subscribePrefix: opened(subscribePrefix, deps),
    newest: opened(newest, deps),
    history: opened(history, deps),
    rooms: opened(rooms, deps),
    members: opened(members, deps),
    signal: opened(signal, deps),
    markRead: opened(markRead, deps),
    readMarks: opened(readMarks, deps),
    revoke: opened(revoke, deps),
    revocations: opened(revocations, deps),
    erase: opened(erase, deps),
    connections: opened(connections, deps),
    disconnect: opened(disconnect, deps),
    deleteRoom: opened(deleteRoom, deps),
    eraseUser: opened(eraseUser, deps),
    setRoomRetention: opened(setRoomRetention, deps),
    roomRetention: opened(roomRetention, deps),
    publish: opened(publish, deps),
    scrub: opened(scrub, deps),
  };
}
