export { type EmbeddedEngineConfig, openEmbeddedEngine } from "./embedded-engine.js";
export { FolderLockedError } from "./folder-lock.js";
export { type Durability, StoreError } from "./open-store.js";
export { type LogReader, openLogReader } from "./readers/log-reader.js";
