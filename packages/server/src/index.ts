export { FolderLockedError, StoreError } from "./engines/embedded/index.js";
export { RedisStartError, RedisUrlError } from "./engines/redis/index.js";
export { ConfigError, defaultRetention, type EngineConfig, type ServerConfig } from "./server/config.js";
export type { Logger } from "./server/logger.js";
export { type RunningServer, startServer } from "./server/start-server.js";
export { serverVersion } from "./server/version.js";
