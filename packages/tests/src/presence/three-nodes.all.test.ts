import assert from "node:assert/strict";
import { afterEach, beforeEach, it } from "node:test";
import { type Link, openLink, type TransportName } from "@confab/client/node";
import { RedisServer } from "../fixture/redis-server.js";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { becomes, describeOnRedis } from "./testing/redis-nodes.js";

/** Half of what users get, so that the test is short; still long enough that a busy machine makes nobody look dead. */
const nodeTimeoutMs = 6_000;

const room = "hall";

/** Somebody who reads the room: the connection, and what it was told of others. */
interface Reader {
  readonly link: Link;
  readonly told: string[];
  /** Who signalled what. */
  readonly signals: string[];
}

describeOnRedis("members of three servers on one Redis", () => {
  let redis: RedisServer;
  let servers: ServerProcess[];
  let readers: Reader[];

  beforeEach(async () => {
    redis = await RedisServer.start();
    readers = [];
    const engine = { kind: "redis", url: redis.url } as const;
    servers = await Promise.all(
      [0, 1, 2].map(() => startServerProcess({ flags: { engine, limits: { nodeTimeoutMs } } })),
    );
  });
  afterEach(async () => {
    for (const { link } of readers) link.close();
    await Promise.all(servers.map((server) => server.stop()));
    await redis.stop();
  });

  async function read(server: number, transport: TransportName, user = ""): Promise<Reader> {
    const link = openLink(transport, { url: servers[server]?.url ?? "" });
    const [told, signals]: [string[], string[]] = [[], []];
    const reader = { link, told, signals };
    readers.push(reader);
    await link.listen(
      { room, user },
      {
        onPresence: (change) => told.push(`${change.present ? "+" : "-"}${change.user} ${change.members}`),
        onSignal: (signal) => signals.push(`${signal.user} ${signal.kind}`),
      },
    );
    return reader;
  }

  /** What each server that lives says of the room. */
  async function allSay(expected: readonly string[], of: readonly number[]): Promise<void> {
    for (const server of of) {
      const link = openLink("connect", { url: servers[server]?.url ?? "" });
      await becomes(async () => {
        const { members, total } = await link.members({ room, limit: 1_000 });
        return [total, members.map(({ user, connections }) => `${user}=${connections}`)];
      }, [expected.length, [...expected]]);
      link.close();
    }
  }

  it("come once and go once, whichever servers and transports they use, and are the same everywhere", async () => {
    const watchers = [
      await read(0, "websocket-json"),
      await read(1, "grpc"),
      await read(2, "websocket-proto", "watcher"),
    ];
    const others = watchers.slice(0, 2);
    const [first, second] = [await read(0, "websocket-proto", "ann"), await read(1, "grpc", "ann")];
    await allSay(["ann=2", "watcher=1"], [0, 1, 2]);
    first.link.close();
    await allSay(["ann=1", "watcher=1"], [0, 1, 2]);
    second.link.close();
    await allSay(["watcher=1"], [0, 1, 2]);
    for (const { told } of others) await becomes(() => told, ["+watcher 1", "+ann 2", "-ann 1"]);
    await becomes(() => watchers[2]?.told, ["+ann 2", "-ann 1"]);
    assert.deepEqual(second.told, [], "who is there already is not told of");
  });

  it("hear each other's signals once, from whichever server they come, and of nobody more often than the limit", async () => {
    const all = [
      await read(0, "websocket-json"),
      await read(1, "grpc"),
      await read(2, "websocket-proto"),
      await read(2, "websocket-json"),
    ];
    const expected: string[] = [];
    for (const [server, transport] of (["connect", "sse", "grpc-web"] as const).entries()) {
      const link = openLink(transport, { url: servers[server]?.url ?? "" });
      await link.signal({ user: "ann", room, kind: "typing", position: "1:2" });
      expected.push("ann typing");
      for (const { signals } of all) await becomes(() => signals, expected);
      await assert.rejects(
        Promise.all(
          Array.from({ length: 1_000 }, () => link.signal({ user: "bob", room: "elsewhere", kind: "typing" })),
        ),
        { code: "RATE_LIMITED" },
      );
      link.close();
    }
  });

  it("of a server that stands still are gone, and are back when it goes on", async () => {
    const watcher = await read(0, "websocket-proto");
    for (const user of ["ann", "bob"]) await read(2, "websocket-proto", user);
    await read(1, "grpc", "bob");
    await allSay(["ann=1", "bob=2"], [0, 1, 2]);
    const { pid = 0 } = servers[2] ?? {};
    process.kill(pid, "SIGSTOP");
    await allSay(["bob=1"], [0, 1]);
    process.kill(pid, "SIGCONT");
    await allSay(["ann=1", "bob=2"], [0, 1, 2]);
    await becomes(() => watcher.told.map(nameOf), ["+ann", "+bob", "-ann", "+ann"]);
  });

  it("of a server that is killed are gone in time, each once, and those of one that is stopped at once", async () => {
    const watcher = await read(0, "websocket-proto");
    const users = Array.from({ length: 30 }, (_, index) => `user-${String(index).padStart(2, "0")}`);
    await Promise.all(users.map((user, index) => read(index % 3, index % 2 === 0 ? "websocket-proto" : "grpc", user)));
    // One who stays, on another server.
    await read(0, "grpc", "user-02");
    await allSay(
      users.map((user) => `${user}=${user === "user-02" ? 2 : 1}`),
      [0, 1, 2],
    );
    await becomes(() => watcher.told.length, users.length);

    await servers[2]?.kill("SIGKILL");
    const stay = users.filter((user, index) => index % 3 !== 2 || user === "user-02");
    await allSay(
      stay.map((user) => `${user}=1`),
      [0, 1],
    );
    const gone = users.filter((user) => !stay.includes(user));
    await becomes(
      () => watcher.told.slice(users.length).map(nameOf).toSorted(),
      gone.map((user) => `-${user}`),
    );

    await servers[1]?.stop();
    const { total } = await openLink("connect", { url: servers[0]?.url ?? "" }).members({ room });
    assert.equal(total, stay.filter((user) => user === "user-02" || users.indexOf(user) % 3 === 0).length);
  });
});

function nameOf(change: string): string {
  return change.split(" ", 1)[0] ?? "";
}
