import { Agent, request } from "node:http";
import { json } from "node:stream/consumers";
import { Administrator } from "../administration/testing/administrator.js";
import { rawSubscriptions } from "../promises/raw-subscriptions.js";
import { type Activity, activity, activityAtOnce } from "./activity.js";

/** What operators do to connections, by every way to read, with the token of the data folder. */
export function administrationActivities(url: string, token: string): readonly [Activity[], close: () => void] {
  const agent = new Agent({ keepAlive: true });
  const admin = new PlainAdministrator(url, token, agent);
  const activities = [
    activity("a list of connections", () => admin.list({ limit: "1" })),
    activity("a list of connections that is refused", () => refused(admin.list({ page: "?" }))),
    activity("a disconnection of no user", (index) => admin.disconnect({ user: `nobody-${index}` })),
    activity("a disconnection that is refused", () => refused(admin.disconnect({}))),
    ...rawSubscriptions.flatMap(({ name, read }, way) =>
      [true, false].map((mayReturn) =>
        activityAtOnce(`a connection by ${name} that an operator ends, mayReturn ${mayReturn}`, async (index) => {
          const room = `a${index}-${way}-${mayReturn}`;
          const reading = read({ url, room, after: undefined });
          const connection = await idOfReader(admin, room);
          await admin.disconnect({ connection, mayReturn });
          await reading.until(() => false);
          reading.close();
        }),
      ),
    ),
  ];
  return [activities, () => agent.destroy()];
}

/** Without `fetch`, which keeps a measurement of each call, and its requests until there are 256. */
class PlainAdministrator extends Administrator {
  constructor(
    url: string,
    private readonly token: string,
    private readonly agent: Agent,
  ) {
    super(url);
  }

  override async ask(method: string, path: string, body?: object): Promise<unknown> {
    const headers = { authorization: `Bearer ${this.token}`, "content-type": "application/json" };
    const answer = await new Promise<{ readonly error?: object }>((resolve, reject) => {
      const asked = request(`${this.url}/v1/admin/${path}`, { agent: this.agent, method, headers }, (response) => {
        json(response).then((read) => resolve(read as object), reject);
      });
      asked.on("error", reject);
      asked.end(body && JSON.stringify(body));
    });
    if (answer.error) throw new Error(JSON.stringify(answer.error));
    return answer;
  }
}

/** Of the one that reads a room, once it does. */
async function idOfReader(admin: Administrator, room: string): Promise<string> {
  for (;;) {
    const [found] = (await admin.list({ room })).connections;
    if (found) return found.id;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function refused(call: Promise<unknown>): Promise<void> {
  const isDone = await call.then(
    () => true,
    () => false,
  );
  if (isDone) throw new Error("it is not refused");
}
