export { openRedisEngine, type RedisEngineConfig } from "./redis-engine.js";
export { RedisStartError } from "./start-check.js";
export { RedisUrlError } from "./url.js";
