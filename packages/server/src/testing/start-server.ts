// The server below `createConfab`, for tests that count what it does.
export type { ServerConfig } from "../server/config.js";
export { type RunningServer, startServer } from "../server/start-server.js";
