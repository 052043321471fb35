import { Http1Connection } from "../client/http1.js";
import { startRelay } from "../relay/relay.js";

/** Bytes of asking a room for news by REST when there are none: what a reader without push pays each time. */
export async function measureEmptyPoll(port: number, room: string, ca?: string): Promise<number> {
  const relay = await startRelay({ port });
  const connection = new Http1Connection({ port: relay.port, ca, lost: () => undefined });
  const poll = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const path = `/v1/rooms/${room}/messages?limit=1`;
      connection.request(
        { method: "GET", path, headers: [["accept", "application/json"]] },
        { head: () => undefined, body: () => undefined, ended: resolve, failed: (text) => reject(new Error(text)) },
      );
    });
  try {
    await poll();
    const before = relay.counts();
    await poll();
    const after = relay.counts();
    return after.upBytes + after.downBytes - before.upBytes - before.downBytes;
  } finally {
    connection.close();
    await relay.close();
  }
}
