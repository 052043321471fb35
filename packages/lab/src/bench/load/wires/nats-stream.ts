import { benchRoom, chatText, sentJson } from "../chat-text.js";
import { openLoadSocket } from "../load-socket.js";
import { countMarks } from "../mark-reader.js";
import { clientFrame, opcodes, upgradeRequest } from "../websocket-frames.js";
import { natsConnect, natsWire } from "./nats.js";
import type { RequestWire } from "./request-wire.js";
import { createReader, type Form } from "./websocket.js";
import type { ResumeWire, Wire } from "./wire.js";

/*
 * JetStream over the same protocol: a stream keeps what is published on the subject, in a file, and every reader is an
 * ordered consumer of it, which is what NATS recommends for reading a stream in order: pushed, without
 * acknowledgements, held back by flow control alone. Its state is in memory.
 *
 *     client  SUB reader 1, SUB created 2, PUB $JS.API.CONSUMER.CREATE.bench created length, {"stream_name":…}
 *     server  MSG created 2 length, {"type":"…consumer_create_response",…}     "error":{…}: refused
 *     server  MSG bench 1 $JS.ACK.… length, payload
 *     server  HMSG reader 1 $JS.FC.… …, NATS/1.0 100 FlowControl Request
 *     client  PUB $JS.FC.… 0                                                   or nothing more comes
 *
 * A publication with a reply subject is acknowledged when the stream has it:
 *
 *     client  PUB bench acks.0 length, payload
 *     server  MSG acks.0 1 length, {"stream":"bench","seq":1}          "error":{…}: not stored
 */

const secondNs = 1_000_000_000;

/** As the clients that NATS publishes configure an ordered consumer. */
const orderedConsumer = {
  ack_policy: "none",
  ack_wait: 22 * 3600 * secondNs,
  flow_control: true,
  idle_heartbeat: 5 * secondNs,
  max_deliver: 1,
  mem_storage: true,
  num_replicas: 1,
  replay_policy: "instant",
} as const;

function createConsumer(inbox: string, start: object): string {
  const config = { ...orderedConsumer, deliver_subject: inbox, ...start };
  const request = JSON.stringify({ stream_name: benchRoom, config });
  const created = `${inbox}.created`;
  const create = `PUB $JS.API.CONSUMER.CREATE.${benchRoom} ${created} ${request.length}\r\n${request}\r\n`;
  return `SUB ${inbox} 1\r\nSUB ${created} 2\r\n${create}`;
}

const flowControl = Buffer.from("NATS/1.0 100 FlowControl");

/** The answer to a request of flow control, if one stands among the messages. */
function flowControlAnswer(bytes: Buffer, start: number, end: number): Buffer | undefined {
  // The frame's own bytes only: behind them there are others' in the same buffer.
  const at = bytes.subarray(start, end).indexOf(flowControl);
  if (at === -1) return undefined;
  const lineEnd = start + at - 2;
  const line = bytes.toString("latin1", bytes.lastIndexOf("\n", lineEnd - 1) + 1, lineEnd);
  return clientFrame(opcodes.binary, Buffer.from(`PUB ${line.split(" ")[3]} 0\r\n\r\n`));
}

const reading: Form = {
  subprotocol: undefined,
  subscribe: clientFrame(opcodes.binary, Buffer.from(`${natsConnect}PING\r\n`)),
  countMessages: countMarks,
  kindOf(payload) {
    const text = payload.toString("latin1");
    if (text.includes("-ERR") || text.includes('"error":')) return "error";
    return text.includes("PONG\r\n") ? "subscribed" : "other";
  },
  owedFor: flowControlAnswer,
};

/** Readers of the stream from now on, and the publisher of its subject. */
export function natsStreamWire(): Wire {
  let readers = 0;
  return {
    ...natsWire(),
    createReader(events) {
      const create = createConsumer(`live.${process.pid}.${readers++}`, { deliver_policy: "new" });
      const subscribe = clientFrame(opcodes.binary, Buffer.from(`${natsConnect}${create}`));
      const kindOf: Form["kindOf"] = (payload) =>
        payload.includes("consumer_create_response") && !payload.includes('"error":')
          ? "subscribed"
          : reading.kindOf(payload);
      return createReader(
        { ...reading, subscribe, kindOf },
        {
          ...events,
          payload(...piece) {
            // Its first message may stand in one frame with the answer to its request.
            events.opened();
            events.payload(...piece);
          },
        },
      );
    },
  };
}

/** Readers that come back. The stream's numbers are the messages', from 1. */
export function natsStreamResumeWire(): ResumeWire {
  let asked = 0;
  return {
    greeting: upgradeRequest("/", undefined),
    subscribe({ sequence }) {
      const start = { deliver_policy: "by_start_sequence", opt_start_seq: sequence + 2 };
      return clientFrame(opcodes.binary, Buffer.from(createConsumer(`back.${process.pid}.${asked++}`, start)));
    },
    createReader: (events) => createReader(reading, events),
  };
}

/** Messages that the stream acknowledges. */
export function natsRequestWire(): RequestWire {
  const message = sentJson(chatText(0, 0));
  const inbox = `acks${process.pid}x${acknowledged++}.`;
  const answer = Buffer.from(`MSG ${inbox}`);
  return {
    greeting: upgradeRequest("/", undefined),
    request(request) {
      const publish = `PUB ${benchRoom} ${inbox}${request} ${message.length}\r\n${message}\r\n`;
      return clientFrame(opcodes.binary, Buffer.from(publish));
    },
    createReader(events) {
      const subscribe = `${natsConnect}SUB ${inbox}* 1\r\nPING\r\n`;
      const countMessages: Form["countMessages"] = (bytes, start, end) => {
        const frame = bytes.subarray(start, end);
        let count = 0;
        for (let at = frame.indexOf(answer); at !== -1; at = frame.indexOf(answer, at)) {
          at += answer.length;
          events.answered(Number(frame.toString("latin1", at, frame.indexOf(" ", at))));
          count += 1;
        }
        if (count > 0 && frame.includes('"error":')) events.failed(frame.toString("latin1"));
        return count;
      };
      return createReader(
        { ...reading, subscribe: clientFrame(opcodes.binary, Buffer.from(subscribe)), countMessages },
        { ...events, payload: () => undefined, granted: () => undefined },
      );
    },
  };
}

/** Connections of this process that publish so: each has an inbox of its own. */
let acknowledged = 0;

const answerTimeoutMs = 10_000;

/** Without it a newer server allows a stream 1,000 consumers, and each reader is one. */
const maxConsumers = 100_000;

/** Create the stream of the bench's subject, in a file and without limits. @throws Error: the server refused. */
export async function createNatsStream(port: number): Promise<void> {
  const bounds = { retention: "limits", max_consumers: maxConsumers } as const;
  const config = { name: benchRoom, subjects: [benchRoom], storage: "file", num_replicas: 1, ...bounds };
  await askJetStream(port, `STREAM.CREATE.${benchRoom}`, JSON.stringify(config));
}

/** How many messages the stream holds. @throws Error: the server refused. */
export async function messagesInNatsStream(port: number): Promise<number> {
  const info = JSON.parse(await askJetStream(port, `STREAM.INFO.${benchRoom}`, "")) as { state: { messages: number } };
  return info.state.messages;
}

function askJetStream(port: number, subject: string, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const settle = (error: Error | undefined, answer = ""): void => {
      clearTimeout(timer);
      socket.destroy();
      if (error) reject(error);
      else resolve(answer);
    };
    const failed = (reason: string): void => settle(new Error(`JetStream, ${subject}: ${reason}`));
    const timer = setTimeout(() => failed(`no answer within ${answerTimeoutMs} ms`), answerTimeoutMs);
    const ask = `SUB answer 1\r\nPUB $JS.API.${subject} answer ${request.length}\r\n${request}\r\n`;
    const form: Form = {
      ...reading,
      subscribe: clientFrame(opcodes.binary, Buffer.from(`${natsConnect}${ask}`)),
      countMessages(bytes, start, end) {
        const json = bytes
          .toString("utf8", start, end)
          .split("\r\n")
          .find((line) => line.startsWith('{"type":'));
        if (json?.includes('"error":')) failed(json);
        else if (json !== undefined) settle(undefined, json);
        return 0;
      },
    };
    const read = createReader(form, {
      opened: () => undefined,
      failed,
      payload: () => undefined,
      owed: (bytes) => socket.write(bytes),
      granted: () => undefined,
    });
    const socket = openLoadSocket({ port, greeting: upgradeRequest("/", undefined), read, lost: failed });
  });
}
