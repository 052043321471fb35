import { benchRoom, chatText, deliveredJson, sentJson } from "../chat-text.js";
import { FrameSplitter } from "../frame-splitter.js";
import { countMarks } from "../mark-reader.js";
import {
  countPushedMessages,
  type FrameKind,
  kindOfJsonFrame,
  kindOfProtobufFrame,
  resumeProtobuf,
  subscribeJson,
  subscribeProtobuf,
} from "../server-frames.js";
import { clientFrame, opcodes, payloadStart, upgradeRequest, webSocketFrameLength } from "../websocket-frames.js";
import { confabPositions } from "./confab-positions.js";
import type { RequestWire } from "./request-wire.js";
import type { ResumeWire, Wire, WireEvents, WireReader } from "./wire.js";

/** How the messages stand in the frames of one form of the WebSocket. */
export interface Form {
  readonly subprotocol: string | undefined;
  /** What a subscriber says once the upgrade is done; with `undefined` it is a subscriber from then on. */
  readonly subscribe: Buffer | undefined;
  countMessages(bytes: Buffer, start: number, end: number): number;
  /** Asked about frames without messages only. */
  kindOf(payload: Buffer): FrameKind;
  /** What a client owes the server for a frame, if it owes anything for any. */
  owedFor?(bytes: Buffer, start: number, end: number): Buffer | undefined;
}

const forms = {
  plain: { subprotocol: undefined, subscribe: undefined, countMessages: () => 1, kindOf: () => "other" },
  json: {
    subprotocol: "confab.v1.json",
    subscribe: clientFrame(opcodes.text, Buffer.from(subscribeJson)),
    countMessages: countMarks,
    kindOf: kindOfJsonFrame,
  },
  proto: {
    subprotocol: "confab.v1.proto",
    subscribe: clientFrame(opcodes.binary, subscribeProtobuf()),
    countMessages: countPushedMessages,
    kindOf: kindOfProtobufFrame,
  },
} as const satisfies Record<string, Form>;

/**
 * A WebSocket by hand, to Confab in one of its three forms, or to a peer that passes on what it is sent. The publisher
 * always speaks the plain form, so that what a run compares is the delivery.
 */
export function webSocketWire(form: keyof typeof forms, server: "confab" | "peer"): Wire {
  const path = `/chat?room=${benchRoom}`;
  const encode = server === "confab" ? sentJson : deliveredJson;
  return {
    subscriberGreeting: upgradeRequest(path, forms[form].subprotocol),
    publisherGreeting: upgradeRequest(path, undefined),
    createReader: (events) => createReader(forms[form], events),
    createPublisherReader: (events) => createReader(forms.plain, events),
    publisherWindowBytes: Number.POSITIVE_INFINITY,
    publication: (text) => ({ bytes: clientFrame(opcodes.text, Buffer.from(encode(text))), windowBytes: 0 }),
  };
}

/** Protobuf frames for readers that come back: the WebSocket first, then the subscribe. */
export function webSocketResumeWire(): ResumeWire {
  const positions = confabPositions();
  return {
    greeting: upgradeRequest("/chat", forms.proto.subprotocol),
    prepare: positions.prepare,
    subscribe: (after) => clientFrame(opcodes.binary, resumeProtobuf(benchRoom, positions.of(after))),
    createReader: (events) => createReader({ ...forms.proto, subscribe: undefined }, events),
  };
}

/**
 * Messages to a peer that passes them on to every client and acknowledges none: the sender is a reader too, and its own message,
 * which comes back to it, stands for the answer.
 */
export function peerRequestWire(): RequestWire {
  const wire = webSocketWire("plain", "peer");
  return {
    greeting: wire.publisherGreeting,
    request: (request, text = chatText(0, 0)) => wire.publication(text, request).bytes,
    createReader(events) {
      let answered = 0;
      return createReader(forms.plain, {
        ...events,
        payload(count) {
          for (let each = 0; each < count; each += 1) events.answered(answered++);
        },
        granted: () => undefined,
      });
    },
  };
}

export function createReader(form: Form, events: WireEvents): WireReader {
  const splitter = new FrameSplitter(webSocketFrameLength, (bytes, start, end) =>
    onFrame(form, events, bytes, start, end),
  );
  let head: Buffer | undefined = Buffer.alloc(0);
  return (bytes, length) => {
    if (head === undefined) return splitter.push(bytes, length);
    head = Buffer.concat([head, bytes.subarray(0, length)]);
    const headEnd = head.indexOf("\r\n\r\n");
    if (headEnd === -1) return undefined;
    const rest = head.subarray(headEnd + 4);
    const statusLine = head.toString("latin1", 0, head.indexOf("\r\n"));
    head = undefined;
    if (!statusLine.startsWith("HTTP/1.1 101 ")) return events.failed(`the upgrade was refused: ${statusLine}`);
    if (form.subscribe === undefined) events.opened();
    else events.owed(form.subscribe);
    return splitter.push(rest, rest.length);
  };
}

function onFrame(form: Form, events: WireEvents, bytes: Buffer, start: number, end: number): void {
  const opcode = (bytes[start] ?? 0) & 0x0f;
  const payload = payloadStart(bytes, start);
  if (opcode === opcodes.ping) return events.owed(clientFrame(opcodes.pong, bytes.subarray(payload, end)));
  if (opcode === opcodes.close) return events.failed(`the server closed: ${bytes.toString("latin1", payload, end)}`);
  if (opcode !== opcodes.text && opcode !== opcodes.binary) return undefined;
  const owed = form.owedFor?.(bytes, payload, end);
  if (owed !== undefined) events.owed(owed);
  const count = form.countMessages(bytes, payload, end);
  if (count > 0) return events.payload(count, bytes, payload, end);
  const kind = form.kindOf(bytes.subarray(payload, end));
  if (kind === "error")
    return events.failed(`the server answered with an error: ${bytes.toString("latin1", payload, end)}`);
  return kind === "subscribed" ? events.opened() : undefined;
}
