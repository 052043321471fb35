import type { ConfabError } from "@confab/contract";
import type { ClientAddressOf, Fields, RequestHead } from "../exchange.js";
import { isHost } from "../host.js";
import type { Peer } from "../peer.js";
import { FieldKind, type HeaderField } from "./hpack/field.js";

/** A request's head with what HTTP/2 itself must know of it. Shared by all requests whose header blocks are equal. */
export interface ReceivedHead {
  readonly request: RequestHead;
  /** The announced length of the body in bytes, -1 when there is none. */
  readonly contentLength: number;
  /** The client waits for "100 Continue" before it sends the body. */
  readonly expectsContinue: boolean;
  /** Answer with this status instead of handing the request over; 0 for none. */
  readonly refusalStatus: number;
}

export interface HeadContext {
  readonly scheme: "http" | "https";
  readonly peer: Peer;
  readonly clientAddressOf?: ClientAddressOf | undefined;
}

/**
 * Make a request head of decoded fields. Undefined when the request is malformed (RFC 9113 §8.1.1), which is a stream
 * error: pseudo-headers missing, repeated, unknown or after others (§8.3); connection-specific fields (§8.2.2); a Host
 * that contradicts :authority, or an invalid one (§8.3.1).
 *
 * `refusal`: see `RequestHead.refusal`.
 */
export function requestHeadFrom(
  fields: readonly HeaderField[],
  context: HeadContext,
  refusal?: ConfabError,
): ReceivedHead | undefined {
  const draft = new HeadDraft(refusal);
  for (const field of fields) {
    if (!draft.add(field)) return undefined;
  }
  return draft.finish(context);
}

/** Whether the fields may stand behind a body: no pseudo-headers there (RFC 9113 §8.1), nothing malformed. */
export function areTrailersValid(fields: readonly HeaderField[]): boolean {
  return fields.every((field) => field.kind !== FieldKind.MALFORMED && !field.name.startsWith(":"));
}

class HeadDraft {
  readonly #refusal: ConfabError | undefined;
  #method: string | undefined;
  #scheme: string | undefined;
  #path: string | undefined;
  #authority: string | undefined;
  #contentLength = -1;
  #expectation: string | undefined;
  #hasOrdinary = false;
  // No prototype: a client may send a field called "__proto__" or "constructor".
  readonly #headers: Record<string, string> = Object.create(null);

  constructor(refusal: ConfabError | undefined) {
    this.#refusal = refusal;
  }

  /** False when the field makes the request malformed. */
  add(field: HeaderField): boolean {
    switch (field.kind) {
      case FieldKind.METHOD:
        if (this.#method !== undefined || this.#hasOrdinary) return false;
        this.#method = field.value;
        return true;
      case FieldKind.SCHEME:
        if (this.#scheme !== undefined || this.#hasOrdinary) return false;
        this.#scheme = field.value;
        return true;
      case FieldKind.PATH:
        if (this.#path !== undefined || this.#hasOrdinary) return false;
        this.#path = field.value;
        return true;
      case FieldKind.AUTHORITY:
        if (this.#authority !== undefined || this.#hasOrdinary) return false;
        this.#authority = field.value;
        return true;
      case FieldKind.MALFORMED:
        return false;
      default:
        this.#hasOrdinary = true;
        return this.#addOrdinary(field);
    }
  }

  #addOrdinary(field: HeaderField): boolean {
    if (field.kind === FieldKind.CONTENT_LENGTH) {
      const length = contentLengthFrom(field.value);
      if (length === undefined || (this.#contentLength !== -1 && this.#contentLength !== length)) return false;
      // A repeated equal length is one length (RFC 9110 §8.6), not a list.
      this.#contentLength = length;
      this.#headers[field.name] = field.value;
      return true;
    }
    if (field.kind === FieldKind.EXPECT) this.#expectation = field.value.toLowerCase();
    const before = this.#headers[field.name];
    // Cookie is the one field that clients split for compression; its parts join differently (RFC 9113 §8.2.3).
    const separator = field.kind === FieldKind.COOKIE ? "; " : ", ";
    this.#headers[field.name] = before === undefined ? field.value : before + separator + field.value;
    return true;
  }

  finish(context: HeadContext): ReceivedHead | undefined {
    if (this.#method === undefined) return undefined;
    if (this.#method === "CONNECT") return this.#refused(context, notImplemented);
    if (this.#scheme === undefined || this.#path === undefined || !isTarget(this.#path, this.#method)) return undefined;
    const host = this.#headers.host;
    if (host !== undefined && this.#authority !== undefined && host !== this.#authority) return undefined;
    if (!isHost(this.#authority ?? host ?? "")) return undefined;
    const refusalStatus =
      this.#expectation === undefined || this.#expectation === "100-continue" ? 0 : expectationFailed;
    return this.#received(context, refusalStatus);
  }

  #refused(context: HeadContext, status: number): ReceivedHead {
    return this.#received(context, status);
  }

  #received({ scheme, peer, clientAddressOf }: HeadContext, refusalStatus: number): ReceivedHead {
    const headers: Fields = this.#headers;
    const request: RequestHead = {
      method: this.#method ?? "",
      target: this.#path ?? "",
      authority: this.#authority ?? headers.host ?? "",
      scheme,
      headers,
      httpVersion: 2,
      remoteAddress: clientAddressOf?.(headers, peer) ?? peer.address,
      peer,
      refusal: this.#refusal,
    };
    return {
      request,
      contentLength: this.#contentLength,
      expectsContinue: this.#expectation !== undefined,
      refusalStatus,
    };
  }
}

const expectationFailed = 417;
/** A server that is not a proxy has no use for CONNECT (RFC 9110 §9.3.6). */
const notImplemented = 501;

/** Visible ASCII only: anything else would be a way to smuggle spaces and line ends into what logs or forwards it. */
const targetPattern = /^\/[\x21-\x7e\x80-\xff]*$/;

function isTarget(path: string, method: string): boolean {
  return targetPattern.test(path) || (path === "*" && method === "OPTIONS");
}

/** 15 digits stay exact in a double, and no body is larger. */
const lengthPattern = /^[0-9]{1,15}$/;

function contentLengthFrom(value: string): number | undefined {
  return lengthPattern.test(value) ? Number(value) : undefined;
}
