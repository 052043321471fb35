import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { inSeconds, type TestKey } from "./tokens.js";

/** The application that gives users their tokens, and the page on which they chat. */
export interface TokenPages {
  /** Another origin than the Confab server's; the same site, as ports do not count for that. */
  readonly origin: string;
  close(): Promise<void>;
}

/** A token for so many seconds, less the part of a second that has passed: `exp` has whole ones. */
const lifetimesS = [3, 5, 4] as const;

/**
 * Serve a script on a page at `/`, and answer `/token?user=` with another token each time, for `&seconds=` if it is given. `/cookie?user=` gives it in a cookie
 * that ends with it.
 */
export async function serveTokenPages(key: TestKey, script: string): Promise<TokenPages> {
  let given = 0;
  const newToken = (user: string, seconds: string | null) => {
    const lifetimeS = Number(seconds) || (lifetimesS[given++ % lifetimesS.length] ?? 3);
    return { lifetimeS, token: key.token({ sub: user, exp: inSeconds(lifetimeS) }) };
  };

  const answer: RequestListener = async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://page");
    const user = searchParams.get("user") ?? "";
    switch (pathname) {
      case "/":
        response.writeHead(200, { "content-type": "text/html" }).end(page);
        break;
      case "/clients.js":
        response.writeHead(200, { "content-type": "text/javascript; charset=utf-8" }).end(script);
        break;
      case "/token":
        response.writeHead(200, { "content-type": "text/plain", "cache-control": "no-store" });
        response.end(await newToken(user, searchParams.get("seconds")).token);
        break;
      case "/cookie": {
        const { token, lifetimeS } = newToken(user, null);
        const cookie = `confab_token=${await token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${lifetimeS}`;
        response.writeHead(204, { "set-cookie": cookie, "cache-control": "no-store" }).end();
        break;
      }
      default:
        response.writeHead(404).end();
    }
  };

  const server = createServer(answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** The page, whichever server gives it out. */
export const page = '<!doctype html><title>chat</title><script type="module" src="clients.js"></script>';
