import { ConfabError } from "@confab/contract";
import type { Ack, ChatMessage, OutgoingMessage } from "../link.js";
import { isNetworkFailure, sendLost } from "../network-failure.js";
import type { PayloadConverter } from "../payload.js";
import { errorFromJson } from "../wire/errors.js";
import { isJsonObject, untouchedPayloads } from "../wire/payloads.js";
import { decodeReply, messageReply, type Reply } from "../wire/replies.js";
import { requestJson, sendRequest } from "../wire/requests.js";
import { Connection } from "./connection.js";
import type { SocketFactory } from "./socket.js";

export interface PlainConnectionOptions {
  readonly baseUrl: string;
  readonly path: string;
  /** A browser's WebSocket can show it as a subprotocol only. */
  readonly token: string | undefined;
  readonly makeSocket: SocketFactory;
  readonly types: PayloadConverter | undefined;
  readonly listener: {
    message(message: ChatMessage, bytes: number): void;
    closed(error: ConfabError): void;
  };
}

interface PendingSend {
  readonly user: string;
  readonly id: string;
  resolve(ack: Ack): void;
  reject(error: ConfabError): void;
}

/** One WebSocket in the tutorials' shape: a room's messages come out, and one's own can be put in. */
export class PlainConnection {
  readonly opened: Promise<void>;
  isOver = false;
  private readonly connection: Connection;
  private pending: PendingSend | undefined;
  /** The last error that answered no send: if the connection closes now, then for this reason. */
  private lastError: ConfabError | undefined;

  constructor(private readonly options: PlainConnectionOptions) {
    const { baseUrl, path, token, makeSocket } = options;
    this.connection = new Connection({
      baseUrl,
      path,
      protocols: token === undefined ? [] : ["confab.v1.plain", `confab.token.${token}`],
      makeSocket,
      onMessage: (data) => this.received(data),
      onClosed: (error) => this.closed(error),
    });
    this.opened = this.connection.opened;
  }

  /** Send a message and await its coming back. One at a time: nothing else tells whose error an error is. */
  send(message: OutgoingMessage & { readonly id: string }): Promise<Ack> {
    return new Promise((resolve, reject) => {
      this.pending = { user: message.user, id: message.id, resolve, reject };
      this.connection.send(requestJson(sendRequest(message), this.options.types ?? untouchedPayloads));
    });
  }

  close(error: ConfabError): void {
    this.connection.close(error);
  }

  private received(data: string | Uint8Array): void {
    let event: PlainEvent;
    try {
      event = decodeReply(plainReply, "json", data);
    } catch (thrown) {
      this.close(
        thrown instanceof ConfabError
          ? thrown
          : new ConfabError("PROTOCOL_VIOLATION", "unreadable message", { cause: thrown }),
      );
      return;
    }
    if ("error" in event) {
      if (this.pending && !isOfReading(event.error)) this.pending.reject(event.error);
      else {
        // The connection ends with it, and a send on its way has no answer then.
        this.lastError = event.error;
        return;
      }
      this.pending = undefined;
      return;
    }
    const { id, user, position, sentAt } = event.message;
    if (this.pending?.id === id && this.pending.user === user) {
      this.pending.resolve({ id, position, sentAt, duplicate: false });
      this.pending = undefined;
    }
    this.options.listener.message(event.message, data.length);
  }

  private closed(closeError: ConfabError): void {
    const error = this.lastError ?? closeError;
    this.isOver = true;
    this.pending?.reject(isRefusal(error) ? error : sendLost(error));
    this.pending = undefined;
    this.options.listener.closed(error);
  }
}

/** A server that closes with an error which no repetition would cure says that it did not take what it got. */
function isRefusal(error: ConfabError): boolean {
  return !isNetworkFailure(error) && !error.kind.retry && !isOfReading(error);
}

/** An error of the reading, which says nothing about what is being sent. */
function isOfReading({ code }: ConfabError): boolean {
  return code === "OUT_OF_RANGE";
}

type PlainEvent = { readonly message: ChatMessage } | { readonly error: ConfabError };

const plainReply: Reply<PlainEvent> = {
  fromProto: () => {
    throw new Error("bytes where text is expected");
  },
  fromJson: (json) => {
    if (isJsonObject(json) && json["error"] !== undefined) return { error: errorFromJson(json["error"]) };
    return { message: messageReply.fromJson(json) };
  },
};
