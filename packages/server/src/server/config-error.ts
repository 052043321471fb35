/** A value of the configuration that cannot be used; the message names its key. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}
