export { FolderLockedError, StoreError } from "./engines/embedded/index.js";
export { RedisStartError, RedisUrlError } from "./engines/redis/start-errors.js";
export {
  type CertificateUserPlace,
  certificateUserPlaces,
  defaultCertificateUserPlaces,
  fixedKeys,
  KeyError,
  keysFromFile,
  secretIn,
  type TokenRules,
  TokenVerifier,
  type VerificationKey,
} from "./identity/index.js";
export { type CertificateFacts, TlsFileError } from "./server/certificate.js";
export {
  type AuthConfig,
  ConfigError,
  defaultRetention,
  type EngineConfig,
  type ServerConfig,
  type TlsConfig,
} from "./server/config.js";
export { type FolderHistory, type FolderMessage, openFolderHistory } from "./server/folder-history.js";
export { isLocalOnly } from "./server/hosts.js";
export type { Logger } from "./server/logger.js";
export { type RoomRule, type RuleBound, roomRulesFrom } from "./server/room-rules.js";
export { type RunningServer, startServer } from "./server/start-server.js";
export { serverVersion } from "./server/version.js";
export { RuleError, rulesFrom } from "./service/index.js";
