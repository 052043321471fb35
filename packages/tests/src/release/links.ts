import assert from "node:assert/strict";
import { ConfabError, type Link, openLink, type TransportName } from "@confab/client/node";
import { type Activity, activity, activityAtOnce, settledOf } from "./activity.js";

type LinkOptions = Parameters<typeof openLink>[1];

/** What a link does, on the connections that it keeps and on those that end with it. */
export function linkActivities(transport: TransportName, options: LinkOptions, link: Link): Activity[] {
  const never = new AbortController().signal;
  const over = (what: string) => `${what} over ${transport}`;
  const calls = [
    // The rooms that are sent to are few: the server knows each room that has messages.
    activity(over("a send"), (id, room) => link.send({ user: "ann", room: `s${room}`, text: "hi", id })),
    activityAtOnce(over("a send that is refused"), (id) => refused(link.send({ user: "", text: "hi", id }))),
    activityAtOnce(over("a page of history"), () => link.history({ limit: 3 })),
    activityAtOnce(over("a list of rooms"), () => link.rooms({ limit: 3 })),
    activityAtOnce(over("a list of members"), () => link.members({ limit: 3 })),
    // Users who signalled in the last second are known too.
    activityAtOnce(over("a signal"), (_, user) => link.signal({ user, kind: "typing" })),
    activityAtOnce(over("a call with a signal that never aborts"), () => link.history({ limit: 1 }, { signal: never })),
    activity(over("a call that is cancelled"), async () => {
      const controller = new AbortController();
      const call = refused(link.history({ limit: 1 }, { signal: controller.signal }));
      controller.abort();
      await call;
    }),
    // Some are answered in time.
    activity(over("a call whose time is up"), () => settledOf(link.rooms({ limit: 1 }, { timeoutMs: 1 }))),
  ];
  const readings = [
    activity(over("a reading of a new room that is aborted"), async (index) => {
      const controller = new AbortController();
      const reading = await link.listen({ room: `r${index}`, user: index }, { signal: controller.signal });
      controller.abort();
      for await (const _ of reading) assert.fail("the room is empty");
    }),
    activity(over("a reading of an old room that is left after its first message"), async (user) => {
      for await (const _ of await link.listen({ user, history: 1 })) break;
    }),
    activityAtOnce(over("a reading that is refused"), () => refused(link.listen({ room: "refused", after: "1:1" }))),
  ];
  const hearing = activity(over("a reading with signals and presence"), async (index) => {
    const controller = new AbortController();
    const hears = { onSignal: () => undefined, onPresence: () => undefined };
    await link.listen({ room: `r${index}`, user: index }, { signal: controller.signal, ...hears });
    controller.abort();
  });
  const lives = [
    activity(over("a link that is opened, used and closed"), async (_, room) => {
      const another = openLink(transport, options);
      await another.open();
      await another.send({ user: "ann", room: `s${room}`, text: "hi" });
      another.close();
    }),
    activity(over("a link that is closed while it reads and asks"), async (index) => {
      const another = openLink(transport, options);
      const reading = await another.listen({ room: `r${index}`, user: index });
      const call = settledOf(another.history({ limit: 1 }));
      another.close();
      for await (const _ of reading) assert.fail("the room is empty");
      await call;
    }),
    activity(over("a link that is closed before it is open"), async () => {
      const another = openLink(transport, options);
      const opening = settledOf(another.open());
      another.close();
      await opening;
    }),
  ];
  return [...calls, ...readings, ...(link.hearsSignals ? [hearing] : []), ...lives];
}

/** Resolves when a call was answered with an error of the catalogue. */
async function refused(call: Promise<unknown>): Promise<void> {
  await assert.rejects(call, (error) => error instanceof ConfabError && error.code !== "INTERNAL");
}
