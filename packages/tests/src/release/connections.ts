import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { openSocket } from "../fixture/open-socket.js";
import { ackedSenders } from "../promises/acked-senders.js";
import { rawSubscriptions } from "../promises/raw-subscriptions.js";
import { type Activity, activity, activityAtOnce } from "./activity.js";

/** First bytes of connections that end there: the client goes away, or the server closes. */
const beginnings: Readonly<Record<string, string | Uint8Array>> = {
  "without a byte": "",
  "in the middle of a head": "GET /v1/rooms HTTP/1.1\r\nhost: loca",
  "in the middle of a body": "POST /v1/rooms/lobby/messages HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99\r\n\r\n{",
  "in the middle of an upgrade": "GET /chat HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: webso",
  "in the middle of HTTP/2's preface": "PRI * HTTP/2.0\r\n",
  "with an HTTP/2 connection of noise": Buffer.concat([
    Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    Buffer.alloc(200, 7),
  ]),
  "of noise": randomBytes(300),
};

/** A connection for each: every way to read and to send at the level of bytes, and connections that come to nothing. */
export function connectionActivities(url: string): Activity[] {
  return [
    ...rawSubscriptions.map((subscription) =>
      activityAtOnce(`a connection that reads a new room by ${subscription.name}`, async (index) => {
        const reading = subscription.read({ url, room: `c${index}`, after: undefined });
        // The plain WebSocket does not say when it reads; any time after its opening will do.
        if (subscription.name === "WebSocket, plain") await new Promise((resolve) => setTimeout(resolve, 20));
        else await reading.until(() => reading.startedAt !== undefined);
        reading.close();
      }),
    ),
    ...ackedSenders.map((sender) =>
      activityAtOnce(`a connection that sends by ${sender.name}`, (id, room) =>
        sender.send(url, { user: "ann", room: `s${room}`, id, text: "hi" }),
      ),
    ),
    ...Object.entries(beginnings).map(([where, bytes]) =>
      activity(`a connection that the client ends ${where}`, async () => {
        const socket = openSocket(url);
        socket.on("error", () => undefined);
        await once(socket, "connect");
        if (bytes.length > 0) await new Promise((resolve) => socket.write(bytes, resolve));
        socket.destroy();
      }),
    ),
  ];
}
