import type { Limits, PayloadTypes } from "@confab/contract";
import type { ArrivalTimeouts } from "../http/arrival-timeouts.js";
import { createRestHandler } from "../transports/rest/adapter.js";
import { createSseHandler } from "../transports/sse/adapter.js";
import { type Http1TestServer, http1TestServer } from "./http1-test-server.js";
import { type TestService, testService } from "./test-service.js";

export interface RestTestServer extends TestService, Http1TestServer {}

/** REST and server-sent events on a real socket, over an engine without a disk. */
export async function restTestServer(
  options: {
    readonly limits?: Partial<Limits>;
    readonly types?: PayloadTypes;
    readonly bodyTimeouts?: ArrivalTimeouts;
  } = {},
): Promise<RestTestServer> {
  const { limits, types, bodyTimeouts } = options;
  const service = testService(limits, types);
  const sse = createSseHandler({ service: service.service, random: () => 0.5 });
  const rest = createRestHandler({
    service: service.service,
    openStream: sse.openStream,
    ...(bodyTimeouts && { bodyTimeouts }),
  });
  const server = await http1TestServer(rest);
  return {
    ...service,
    ...server,
    close: async () => {
      sse.close();
      await server.close();
    },
  };
}
