// Each name of `@confab/server`, as a program of others uses it. It is compiled, and not run.
import { createServer } from "node:http";
import {
  type Admin,
  type AttachTo,
  type AuthConfig,
  type Confab,
  ConfabError,
  type ConfabOptions,
  ConfigError,
  createConfab,
  type EngineConfig,
  FolderLockedError,
  type HistoryPage,
  type HistoryRange,
  type Hooks,
  type Logger,
  type MembersPage,
  type Message,
  type NewRoomMessage,
  type OwnPort,
  type ReadFrom,
  RedisStartError,
  RedisUrlError,
  type RevokedTokens,
  type Room,
  type RoomChange,
  type RoomRule,
  type RoomSignal,
  type Stored,
  StoreError,
  type TlsConfig,
  TlsFileError,
} from "@confab/server";

const logger: Logger = {
  info: (facts: object, message: string) => console.info(message, facts),
  warn: () => undefined,
  error: () => undefined,
};
const tls: TlsConfig = { certFile: "a.pem", keyFile: "b.pem", clientUser: ["san-uri"] };
const auth: AuthConfig = { keyFiles: ["key.pem"], issuer: "us", clockToleranceMs: 1_000 };
const engine: EngineConfig = { kind: "redis", url: "redis://127.0.0.1", waitReplicas: 1 };
const rooms: readonly RoomRule[] = [{ pattern: "call-*", retention: { maxAgeMs: 1_000 }, history: false }];
const hooks: Hooks = {
  connect: ({ headers }) => (headers["cookie"] === undefined ? { refuse: "who?" } : { user: "ann" }),
  send: {
    run: async ({ text, change }) => (change ? undefined : { text: text.trim() }),
    timeoutMs: 500,
    skip: ["admin"],
  },
  stored: ({ room, messages }) => console.log(room, messages[0]?.position),
};
const options: ConfabOptions = { tls, auth, engine, rooms, hooks, logger, limits: { maxRooms: 10 }, port: 0 };

const confab: Confab = await createConfab(options);
const port: OwnPort = await confab.listen();
const attachTo: AttachTo = { path: "/talk" };
const detach: () => void = confab.attach(createServer(), attachTo);

const room: Room = confab.room(port.url);
// What is not known may be given as undefined.
const unknown = process.env["UNKNOWN"];
const message: NewRoomMessage = {
  user: "ann",
  text: "hi",
  id: unknown,
  payload: { typeUrl: "t/shop.Order", value: new Uint8Array() },
};
const stored: Stored = await room.send(message);
const change: RoomChange = { user: "ann", id: unknown };
const changed: readonly Stored[] = [
  await room.edit(stored.position, message),
  await room.react(stored.position, "+1", { ...change, removed: true }),
  await room.delete(stored.position, change),
];
const from: ReadFrom = { after: unknown, changes: true };
for await (const each of await confab.subscribe("lobby", from)) {
  const entry: Message = each;
  if (entry.change?.kind === "reaction") console.log(entry.change.emoji, entry.change.target, entry.sentAt.getTime());
  if (entry.payload) console.log(entry.payload.typeUrl, entry.payload.value.length);
}
const range: HistoryRange = { before: unknown, limit: 10, folded: true };
const page: HistoryPage = await room.history(range);
const [first] = page.messages;
const edited: string | undefined = first?.edited?.position;
const named: string | undefined = first?.reactions?.[0]?.users[0];
const signal: RoomSignal = { user: "ann", kind: "typing", position: page.newest };
await room.signal(signal);
const members: MembersPage = await room.members({ limit: 10, page: "" });

const admin: Admin = confab.admin;
const revoked: RevokedTokens = { user: "mallory", issuedBefore: new Date() };
const until: Date = await admin.revoke(revoked);
await admin.erase("lobby", stored.position);

try {
  confab.reload({ tls, auth, rules: [], limits: {} });
  await confab.close();
} catch (error) {
  if (error instanceof ConfabError) console.log(error.code, error.message);
  for (const known of [ConfigError, FolderLockedError, RedisStartError, RedisUrlError, StoreError, TlsFileError])
    if (error instanceof known) console.log(error.message);
}
console.log(changed.length, edited, named, members.members[0]?.connections, until.getTime(), detach);
