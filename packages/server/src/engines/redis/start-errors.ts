// Apart from the engine, whose client has hundreds of modules: programs that use no Redis know these and load none of those.

/** Why a Redis cannot be used; the message says what to do. */
export class RedisStartError extends Error {
  override readonly name = "RedisStartError";
}

/** A wrong Redis URL; the message says what it must be. It never quotes the URL, which may hold a password. */
export class RedisUrlError extends Error {
  override readonly name = "RedisUrlError";
}
