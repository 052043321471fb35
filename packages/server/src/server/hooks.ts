import { HookError, type Hooks, ServiceHooks, type ServiceHooksDeps } from "../service/index.js";
import { ConfigError } from "./config-error.js";

/** The hooks of a configuration. @throws ConfigError: one of them cannot be used. */
export function openHooks(hooks: Hooks, deps: ServiceHooksDeps): ServiceHooks {
  try {
    return new ServiceHooks(hooks, deps);
  } catch (error) {
    throw error instanceof HookError ? new ConfigError(`\`hooks\`: ${error.message}`, { cause: error }) : error;
  }
}
