export { FolderLockedError, StoreError } from "./engines/embedded/index.js";
export { ConfigError, defaultRetention, type ServerConfig } from "./server/config.js";
export type { Logger } from "./server/logger.js";
export { type RunningServer, startServer } from "./server/start-server.js";
export { serverVersion } from "./server/version.js";
