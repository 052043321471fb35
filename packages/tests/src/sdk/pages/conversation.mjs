// A client of the SDK on a page: reads and writes a room, and shows what it was told.
import { connect } from "./client.mjs";

let client;
let room;
const heard = [];
const sends = [];
let end;
let wake = () => undefined;

globalThis.startConversation = async (url, transport, name) => {
  client = connect({ url, transport, user: "ada", reconnect: { firstDelayMs: 20, maxDelayMs: 200 } });
  room = client.room(name);
  const subscription = room.subscribe(({ id, position }) => {
    heard.push([id, position]);
    wake();
  });
  void subscription.ended.then((error) => {
    end = { error };
    wake();
  });
  // From here on nothing may be missed.
  while (subscription.position === undefined) await room.history();
};

globalThis.say = (count) => {
  for (let index = 0; index < count; index++) sends.push(room.send("hi", { id: `id-${sends.length}` }));
};

globalThis.untilHeard = async (count) => {
  while (heard.length < count) {
    if (end) throw end.error ?? new Error("reading ended");
    await new Promise((resolve) => {
      wake = resolve;
    });
  }
  return heard;
};

globalThis.untilAcknowledged = async () => (await Promise.all(sends)).map(({ id, position }) => [id, position]);

globalThis.stopConversation = () => client.close();
