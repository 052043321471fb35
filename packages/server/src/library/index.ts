export type { Admin, RevokedTokens } from "./admin.js";
export { type AttachTo, type Confab, createConfab } from "./confab.js";
export type { ConfabOptions } from "./options.js";
export type {
  HistoryPage,
  HistoryRange,
  MembersPage,
  NewRoomMessage,
  ReadFrom,
  Room,
  RoomChange,
  RoomSignal,
  Stored,
} from "./room.js";
