// What a program needs that has a Confab server in it. Further entry points: `tokens` (keys and tokens), `folder` (a data folder
// of another process), `settings` (for commands that start a server).
export { ConfabError } from "@confab/contract";
export {
  type Admin,
  type AttachTo,
  type Confab,
  type ConfabOptions,
  createConfab,
  type HistoryPage,
  type HistoryRange,
  type MembersPage,
  type NewRoomMessage,
  type ReadFrom,
  type RevokedTokens,
  type Room,
  type RoomChange,
  type RoomSignal,
  type Stored,
} from "./library/index.js";
export type { AuthConfig, EngineConfig, TlsConfig } from "./server/config.js";
export type { Logger } from "./server/logger.js";
export type { OwnPort } from "./server/open-server.js";
export type { RoomRule } from "./server/room-rules.js";
export {
  ConfigError,
  FolderLockedError,
  RedisStartError,
  RedisUrlError,
  StoreError,
  TlsFileError,
} from "./server/start-errors.js";
export type { Hooks, Message } from "./service/index.js";
