import type { Limits, PayloadTypes } from "@confab/contract";
import type { ArrivalTimeouts } from "../http/arrival-timeouts.js";
import type { Exchange } from "../http/exchange.js";
import { type Principal, unrestricted } from "../service/index.js";
import { createRestHandler } from "../transports/rest/adapter.js";
import { createSseHandler } from "../transports/sse/adapter.js";
import { type Http1TestServer, http1TestServer } from "./http1-test-server.js";
import { type TestService, testService } from "./test-service.js";

export interface RestTestServer extends TestService, Http1TestServer {}

export interface RestTestOptions {
  readonly limits?: Partial<Limits>;
  readonly types?: PayloadTypes;
  readonly bodyTimeouts?: ArrivalTimeouts;
  /** Who makes every request. Default: someone who may do everything. */
  readonly principal?: Principal;
  /** Sees every exchange before it is handled. */
  readonly watch?: (exchange: Exchange) => void;
  readonly report?: (error: unknown) => void;
}

/** REST and server-sent events on a real socket, over an engine without a disk. */
export async function restTestServer(options: RestTestOptions = {}): Promise<RestTestServer> {
  const { limits, types, bodyTimeouts, principal = unrestricted, watch, report } = options;
  const service = testService(limits, types);
  const reporting = report && { report };
  const sse = createSseHandler({ service: service.service, random: () => 0.5, ...reporting });
  const rest = createRestHandler({
    service: service.service,
    openStream: sse.openStream,
    ...(bodyTimeouts && { bodyTimeouts }),
    ...reporting,
  });
  const server = await http1TestServer((exchange) => {
    watch?.(exchange);
    rest(exchange, principal);
  });
  return {
    ...service,
    ...server,
    close: async () => {
      sse.close();
      await server.close();
    },
  };
}
