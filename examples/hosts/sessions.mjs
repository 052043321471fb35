// To try the examples: npm ci && npm run build, then npm install --no-save express fastify hono @hono/node-server.
//
// The host's own sessions: who has logged in, by the cookie `session`. Stands for whatever your server has.
import { randomUUID } from "node:crypto";

const users = new Map();

/** Begin a session. The result is the value of a Set-Cookie header. */
export function logIn(user) {
  const session = randomUUID();
  users.set(session, user);
  return `session=${session}; HttpOnly; SameSite=Strict; Path=/`;
}

/** The user of a Cookie header; undefined: no user has logged in by it. */
export function userOf(cookies = "") {
  return users.get(/(?:^|; )session=([^;]+)/.exec(cookies)?.[1]);
}

/** For Confab: callers are who the host says they are. */
export function connect({ headers }) {
  const user = userOf(headers.cookie);
  return user === undefined ? { refuse: "log in first" } : { user };
}
