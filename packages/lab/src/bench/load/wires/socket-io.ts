import { chatText, deliveredJson, sentJson } from "../chat-text.js";
import { countMarks } from "../mark-reader.js";
import { clientFrame, opcodes, upgradeRequest } from "../websocket-frames.js";
import type { RequestWire } from "./request-wire.js";
import { leaveSessions } from "./socket-io-sessions.js";
import { createReader, type Form } from "./websocket.js";
import type { ResumeWire, Wire } from "./wire.js";

/*
 * Socket.IO protocol v5 over Engine.IO protocol v4, in text frames of a WebSocket:
 *
 *     server  0{"sid":…}              Engine.IO open
 *     client  40                      connect to the default namespace
 *     server  40{"sid":…}             connected; 44{…}: refused
 *     either  42["chat",{…}]          an event
 *
 *     client  420["send",{…}]         an event to be acknowledged, with a number
 *     server  430[…]                  its acknowledgement
 *
 * With the recovery of connections' state:
 *
 *     server  40{"sid":…,"pid":…}     connected; who comes back says the pid
 *     server  42["chat",{…},"offset"]
 *     client  40{"pid":…,"offset":…}  connect again, after the event with that offset
 *     server  42["chat",{…},"offset"] what was missed, before the answer 40{…}
 */

const socketIoForm: Form = {
  subprotocol: undefined,
  subscribe: clientFrame(opcodes.text, Buffer.from("40")),
  countMessages: countMarks,
  kindOf: (payload) => {
    const kind = payload.toString("latin1", 0, 2);
    return kind === "40" ? "subscribed" : kind === "44" ? "error" : "other";
  },
};

const socketIoPath = "/socket.io/?EIO=4&transport=websocket";

/** Subscribers and publisher of a Socket.IO server whose event `chat` goes to everybody. */
export function socketIoWire(): Wire {
  const greeting = upgradeRequest(socketIoPath, undefined);
  return {
    subscriberGreeting: greeting,
    publisherGreeting: greeting,
    createReader: (events) => createReader(socketIoForm, events),
    createPublisherReader: (events) => createReader(socketIoForm, events),
    publisherWindowBytes: Number.POSITIVE_INFINITY,
    publication: (text) => ({
      bytes: clientFrame(opcodes.text, Buffer.from(`42["chat",${deliveredJson(text)}]`)),
      windowBytes: 0,
    }),
  };
}

const eventCode = Buffer.from("42");

/** Readers that come back. Each has a session that it left before; the offset is that of the last event it would have had. */
export function socketIoResumeWire(): ResumeWire {
  let sessions: readonly string[] = [];
  return {
    greeting: upgradeRequest(socketIoPath, undefined),
    async prepare(port, readers) {
      sessions = await leaveSessions(port, readers, { path: socketIoPath, form: socketIoForm });
    },
    subscribe({ token }, reader) {
      const auth = JSON.stringify({ pid: sessions[reader], offset: token });
      return clientFrame(opcodes.text, Buffer.from(`40${auth}`));
    },
    tokenOf: (payload) => payload.toString("latin1", payload.lastIndexOf(',"') + 2, payload.length - '"]'.length),
    createReader: (events) =>
      createReader(
        {
          ...socketIoForm,
          subscribe: undefined,
          countMessages: (bytes, start) => (bytes.readUInt16BE(start) === eventCode.readUInt16BE() ? 1 : 0),
        },
        events,
      ),
  };
}

const acknowledgement = "43";

/** Events that are acknowledged. */
export function socketIoRequestWire(): RequestWire {
  const message = sentJson(chatText(0, 0));
  return {
    greeting: upgradeRequest(socketIoPath, undefined),
    request: (request) => clientFrame(opcodes.text, Buffer.from(`42${request}["send",${message}]`)),
    createReader: (events) =>
      createReader(
        {
          ...socketIoForm,
          countMessages(bytes, start) {
            if (bytes.toString("latin1", start, start + acknowledgement.length) !== acknowledgement) return 0;
            const end = bytes.indexOf("[", start);
            events.answered(Number(bytes.toString("latin1", start + acknowledgement.length, end)));
            return 1;
          },
        },
        { ...events, payload: () => undefined, granted: () => undefined },
      ),
  };
}
