// What tests of the Redis engine need of this package: they live in packages/tests, where a Redis can be started.
export { openRedisEngine, type RedisEngineConfig } from "../engines/redis/index.js";
export { engineSuite, type OpenEngine } from "./engine-suite/index.js";
