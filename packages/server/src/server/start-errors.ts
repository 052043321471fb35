// What can keep a server from its start.
export { FolderLockedError, StoreError } from "../engines/embedded/index.js";
export { RedisStartError, RedisUrlError } from "../engines/redis/start-errors.js";
export { TlsFileError } from "./certificate.js";
export { ConfigError } from "./config-error.js";
