import assert from "node:assert/strict";
import { type Client, type ConnectOptions, connect, type TransportName } from "@confab/client/node";
import type { CutProxy } from "../fixture/cut-proxy.js";
import { type Activity, activity, activityAtOnce, settledOf } from "./activity.js";

/** What the SDK does: on a client that stays, whose connections go through a proxy, and on clients that are closed. */
export function clientActivities(transport: TransportName, proxy: CutProxy, client: Client): Activity[] {
  const never = new AbortController().signal;
  const options: ConnectOptions = { url: proxy.url, user: "ann", transport };
  const over = (what: string) => `${what} of a client over ${transport}`;
  const hearsAll = transport === "websocket-proto" || transport === "grpc";
  return [
    activity(over("a send"), (id, room) => client.room(`s${room}`).send("hi", { id })),
    activityAtOnce(over("a send with a signal that never aborts, and a time"), (_, room) =>
      client.room(`s${room}`).send("hi", { signal: never, timeoutMs: 60_000 }),
    ),
    activity(over("a send that is given up"), async (_, room) => {
      const controller = new AbortController();
      const send = settledOf(client.room(`s${room}`).send("hi", { signal: controller.signal }));
      controller.abort();
      await send;
    }),
    activityAtOnce(over("a question"), () => settledOf(client.room("lobby").history({ limit: 1 }), client.rooms())),
    activity(over("a handler of states"), () => client.on("state", () => assert.fail("it stays live"))()),
    activity(over("a reader that is stopped"), async (index) => {
      const subscription = client.room(`r${index}`).subscribe(() => undefined, { signal: never });
      await client.room("lobby").members();
      subscription.unsubscribe();
      await subscription.ended;
    }),
    activity(over("a reader whose signal aborts"), async (index) => {
      const controller = new AbortController();
      const { ended } = client.room(`r${index}`).subscribe(() => undefined, { signal: controller.signal });
      await client.room("lobby").members();
      controller.abort();
      await ended;
    }),
    activity(over("a loop that is left after its first message"), async () => {
      for await (const _ of client.room("lobby").messages({ history: 1 })) break;
    }),
    ...(hearsAll
      ? [
          activity(over("a loop over presence that is left"), async (index) => {
            for await (const _ of client.room(`r${index}`).presence()) break;
          }),
          activity(over("a prefix of rooms that is left"), async (_, round) => {
            for await (const _ of client.prefix(`s${round}`).messages({ history: 1 })) break;
          }),
          activity(over("a prefix of rooms whose connection is lost"), async () => {
            const isBack = untilBack(client);
            const { ended, unsubscribe } = client.prefix("lob").subscribe(() => undefined);
            await client.room("lobby").history({ limit: 1 });
            proxy.cut();
            await isBack;
            unsubscribe();
            await ended;
          }),
        ]
      : []),
    activity(over("a connection that is lost"), async () => {
      const isBack = untilBack(client);
      const subscription = client.room("lobby").subscribe(() => undefined);
      await client.room("lobby").history({ limit: 1 });
      proxy.cut();
      await isBack;
      subscription.unsubscribe();
      await subscription.ended;
    }),
    activity(over("all that is done"), async (index, round) => {
      const another = connect(options);
      const { ended } = another.room(`r${index}`).subscribe(() => undefined);
      await another.room(`s${round}`).send("hi");
      const send = settledOf(another.room(`s${round}`).send("on its way"));
      another.close();
      await settledOf(ended, send);
    }),
    activity("a client that is closed before it is connected", () => connect(options).close()),
  ];
}

/** Resolves once the client is live again. */
function untilBack(client: Client): Promise<void> {
  return new Promise((resolve) => {
    const release = client.on("state", ({ name }) => {
      if (name !== "live") return;
      release();
      resolve();
    });
  });
}
