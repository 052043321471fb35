// What tests of the Redis engine need of this package: they live in packages/tests, where a Redis can be started.

export { Hub, type Retention, type RoomId, type RoomRetention, sameForAll } from "../core/index.js";
export { openRedisEngine, type RedisEngineConfig } from "../engines/redis/index.js";
export { eventLoop, randomIds, systemClock } from "../server/platform.js";
export { type EngineSkips, engineSuite, type OpenEngine } from "./engine-suite/index.js";
export { RecordingSink } from "./recording-sink.js";
