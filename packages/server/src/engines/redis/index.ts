export { openRedisEngine, type RedisEngineConfig } from "./redis-engine.js";
