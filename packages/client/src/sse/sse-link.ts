import { ConfabError, parseJson } from "@confab/contract";
import { bounded } from "../call-signal.js";
import type { Credentials } from "../credentials.js";
import type {
  Ack,
  CallOptions,
  ChatMessage,
  HistoryPage,
  HistoryRequest,
  Link,
  LinkOptions,
  Listening,
  ListenOptions,
  ListenRequest,
  MarkReadRequest,
  MembersPage,
  MembersRequest,
  OutgoingBatch,
  OutgoingChange,
  OutgoingMessage,
  OutgoingSignal,
  ReadMark,
  ReadMarksPage,
  ReadMarksRequest,
  RoomsPage,
  RoomsRequest,
} from "../link.js";
import { withId, withIds } from "../message-id.js";
import { asOutcomeUnknown } from "../network-failure.js";
import type { PayloadConverter } from "../payload.js";
import { bodyChunks, bodyText, type Fetch, type FetchInit, fetchBytes, fetchResponse } from "../streams/http-body.js";
import { Listenings, refuseSignals } from "../streams/listenings.js";
import { queryOf } from "../streams/query.js";
import { errorFromHttp, errorFromJson } from "../wire/errors.js";
import { untouchedPayloads } from "../wire/payloads.js";
import {
  ackReply,
  acksReply,
  decodeReply,
  emptyReply,
  historyReply,
  markReply,
  marksReply,
  membersReply,
  messageReply,
  type Reply,
  roomsReply,
} from "../wire/replies.js";
import {
  changeRequest,
  encodeRequest,
  historyRequest,
  markReadRequest,
  membersRequest,
  type Request,
  readerRequest,
  readMarksRequest,
  roomsRequest,
  sendAllRequest,
  sendRequest,
  signalRequest,
} from "../wire/requests.js";
import type { Table } from "../wire/table.js";
import { EventParser } from "./event-parser.js";

/** A link that reads by Server-Sent Events and does everything else by the REST routes (chat_service.proto). */
export class SseLink implements Link {
  readonly transport = "sse";
  /** Requests that overlap may take different connections. */
  readonly keepsSendOrder = false;
  readonly hearsSignals = false;
  private readonly listenings = new Listenings();
  private readonly types: PayloadConverter;

  /** @param credentials where `fetch` takes its token from. */
  constructor(
    private readonly options: LinkOptions,
    private readonly fetch: Fetch,
    private readonly credentials: Credentials,
  ) {
    this.types = options.types ?? untouchedPayloads;
  }

  async open(options?: CallOptions): Promise<void> {
    // Any question would do; this one is small, whatever the server holds.
    await this.rooms({ limit: 1 }, options);
  }

  async send(message: OutgoingMessage, options?: CallOptions): Promise<Ack> {
    return this.append(`${roomPath(message.room)}/messages`, sendRequest(withId(message)), ackReply, options);
  }

  async sendAll(batch: OutgoingBatch, options?: CallOptions): Promise<readonly Ack[]> {
    return this.append(`${roomPath(batch.room)}/messages:batch`, sendAllRequest(withIds(batch)), acksReply, options);
  }

  async change(change: OutgoingChange, options?: CallOptions): Promise<Ack> {
    const path = `${roomPath(change.room)}/messages:${change.kind}`;
    return this.append(path, changeRequest(withId(change)), ackReply, options);
  }

  async listen(request: ListenRequest, options: ListenOptions = {}): Promise<Listening> {
    refuseSignals(this.transport, options);
    const query = queryOf(readerRequest(request), ["room"]);
    // The server begins an event stream with an event, so its head is never held back by a quiet room.
    const url = `${this.options.url}${roomPath(request.room)}/stream${query}`;
    const { after } = request;
    return this.listenings.begin(options, { after, recovered: after !== undefined }, async (signal) => {
      // A refusal comes as an event to a client that takes nothing but events, as `EventSource` has to be.
      const headers = { accept: "text/event-stream, application/json" };
      const response = await fetchResponse(this.fetch, url, { headers, signal });
      if (!response.ok) throw errorFromHttp(response.status, await bodyText(response));
      const position = response.headers.get("confab-position");
      if (position === null)
        throw new ConfabError("PROTOCOL_VIOLATION", "the server did not say where the stream starts");
      return { position, source: streamMessages(response), read: (message: ChatMessage) => message };
    });
  }

  history(request: HistoryRequest, options?: CallOptions): Promise<HistoryPage> {
    const query = queryOf(historyRequest(request), ["room"]);
    return this.get(`${roomPath(request.room)}/messages${query}`, historyReply, options);
  }

  rooms(request?: RoomsRequest, options?: CallOptions): Promise<RoomsPage> {
    return this.get(`/v1/rooms${queryOf(roomsRequest(request))}`, roomsReply, options);
  }

  members(request: MembersRequest, options?: CallOptions): Promise<MembersPage> {
    const query = queryOf(membersRequest(request), ["room"]);
    return this.get(`${roomPath(request.room)}/members${query}`, membersReply, options);
  }

  markRead(request: MarkReadRequest, options?: CallOptions): Promise<ReadMark> {
    return this.post(`${roomPath(request.room)}/marks`, markReadRequest(request), markReply, options);
  }

  readMarks(request: ReadMarksRequest, options?: CallOptions): Promise<ReadMarksPage> {
    const query = queryOf(readMarksRequest(request), ["room"]);
    return this.get(`${roomPath(request.room)}/marks${query}`, marksReply, options);
  }

  signal(signal: OutgoingSignal, options?: CallOptions): Promise<void> {
    return this.post(`${roomPath(signal.room)}/signals`, signalRequest(signal), emptyReply, options);
  }

  async authenticate(token: string): Promise<void> {
    this.credentials.token = token;
  }

  close(): void {
    this.listenings.close();
    this.fetch.close?.();
  }

  private async append<T extends Table, Result>(
    path: string,
    request: Request<T>,
    reply: Reply<Result>,
    options?: CallOptions,
  ): Promise<Result> {
    try {
      return await this.post(path, request, reply, options);
    } catch (error) {
      throw asOutcomeUnknown(error);
    }
  }

  private get<T>(path: string, reply: Reply<T>, options?: CallOptions): Promise<T> {
    return this.call(path, {}, reply, options);
  }

  private post<T extends Table, Result>(
    path: string,
    request: Request<T>,
    reply: Reply<Result>,
    options?: CallOptions,
  ): Promise<Result> {
    const body = encodeRequest("json", request, this.types);
    return this.call(path, { method: "POST", headers: { "content-type": "application/json" }, body }, reply, options);
  }

  private async call<T>(
    path: string,
    init: Omit<FetchInit, "signal">,
    reply: Reply<T>,
    options?: CallOptions,
  ): Promise<T> {
    const url = this.options.url + path;
    const { response, body } = await bounded(options, (bounds) => fetchBytes(this.fetch, url, init, bounds));
    if (!response.ok) throw errorFromHttp(response.status, new TextDecoder().decode(body));
    return decodeReply(reply, "json", body);
  }
}

/** A room's path. The default room is named, because a path cannot leave it out. */
function roomPath(room = "lobby"): string {
  return `/v1/rooms/${encodeURIComponent(room === "" ? "lobby" : room)}`;
}

async function* streamMessages(response: Response): AsyncGenerator<ChatMessage> {
  const parser = new EventParser();
  const decoder = new TextDecoder();
  for await (const chunk of bodyChunks(response)) {
    for (const { type, data } of parser.push(decoder.decode(chunk, { stream: true }))) {
      if (type === "message") yield decodeReply(messageReply, "json", data);
      else if (type === "error") throw errorFromJson(parseJson(data));
    }
  }
}
