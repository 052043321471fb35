import type { HostServer } from "../http/attach.js";
import { type OpenServer, type OwnPort, openServer } from "../server/open-server.js";
import { type Caller, type Message, unrestricted } from "../service/index.js";
import { Admin } from "./admin.js";
import { type ConfabOptions, serverConfigFrom } from "./options.js";
import { type NewRoomMessage, type ReadFrom, Room, type RoomDeps, type Stored } from "./room.js";

export interface AttachTo {
  /** Requests at it and below it are Confab's. Default `/`: all of them. */
  readonly path?: string;
}

/**
 * A Confab server in this process. It has its own port by `listen`, or it is part of a server of `node:http` by
 * `attach`, or both. Without either the program itself can send and read.
 */
export class Confab {
  /** What an operator can do. */
  readonly admin: Admin;
  private readonly rooms: RoomDeps;

  private constructor(private readonly server: OpenServer) {
    const { service, limits, work } = server;
    const { operations, json } = service;
    const caller: Caller = { principal: unrestricted, transport: "library", remoteAddress: "", share: work.share() };
    this.admin = new Admin(operations, caller);
    this.rooms = { operations, caller, limits, jsonOf: json };
  }

  /** See `createConfab`. */
  static async open(options: ConfabOptions): Promise<Confab> {
    return new Confab(await openServer(serverConfigFrom(options)));
  }

  /**
   * Listen on `host` and `port` of the options, for all protocols. To be called once.
   *
   * @throws the system's error: EADDRINUSE and so on.
   */
  listen(): Promise<OwnPort> {
    return this.server.listen();
  }

  /**
   * Serve the requests below a path of an existing server of `node:http` or `node:https`: all that HTTP/1.1 carries, which is
   * everything but gRPC. The server's own handlers do not receive these requests. The result ends it.
   *
   * @throws ConfigError: a Confab server has that path already, or nothing says who may connect.
   */
  attach(server: HostServer, { path = "/" }: AttachTo = {}): () => void {
    return this.server.attach(server, path);
  }

  /** A room by its name. It need not exist yet. */
  room(name: string): Room {
    return new Room(name, this.rooms);
  }

  /** `room(name).send(message)` */
  send(room: string, message: NewRoomMessage): Promise<Stored> {
    return this.room(room).send(message);
  }

  /** `room(name).messages(from)` */
  subscribe(room: string, from?: ReadFrom): Promise<AsyncIterableIterator<Message>> {
    return this.room(room).messages(from);
  }

  /** The certificate that clients are shown; undefined without TLS. */
  get certificate(): OpenServer["certificate"] {
    return this.server.certificate;
  }

  /** The file with the token that may administer this server; undefined on a server with keys, or on Redis. */
  get adminTokenFile(): string | undefined {
    return this.server.adminTokenFile;
  }

  /**
   * Take over what can change while the server runs: the certificate and the keys that verify tokens, whose files are read
   * again, the rules, and the limits that docs/limits.md calls reloadable. What cannot be used is logged, and stays as it was.
   */
  reload(options: Pick<ConfabOptions, "tls" | "auth" | "rules" | "limits">): void {
    this.server.reload(options);
  }

  /**
   * Stop: no new connections, clients told to come back, sends in progress finished, then everything released. A server that
   * it is attached to goes on. May be called twice.
   */
  close(): Promise<void> {
    return this.server.close();
  }
}

/**
 * Open a server: check its options, and open its log.
 *
 * @throws ConfigError: an option is unknown, wrong, or does not go with the others. StoreError, FolderLockedError,
 * RedisUrlError, RedisStartError: messages cannot be kept there.
 */
export function createConfab(options: ConfabOptions = {}): Promise<Confab> {
  return Confab.open(options);
}
