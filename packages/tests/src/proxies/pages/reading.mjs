// A page that reads a room with the SDK over each transport, behind a proxy.
import { connect } from "./client.mjs";

const readers = new Map();

/** Start to read over a transport; resolves once the client is live. */
globalThis.startReading = async (url, transport, room, after) => {
  const client = connect({ url, transport, user: "reader" });
  const reader = { client, heard: [], states: [], wake: () => undefined };
  readers.set(transport, reader);
  const live = new Promise((resolve) => {
    client.on("state", (state) => {
      reader.states.push({ name: state.name, transport: state.transport, fallback: state.fallback });
      if (state.name === "live") resolve();
    });
  });
  const read = async () => {
    for await (const { position } of client.room(room).messages({ after })) {
      reader.heard.push({ position, atMs: Date.now() });
      reader.wake();
    }
  };
  void read();
  await live;
};

/** When the message of a position arrived, as the page's clock has it. */
globalThis.arrivedAtMs = async (transport, position) => {
  const reader = readers.get(transport);
  for (;;) {
    const found = reader.heard.find((message) => message.position === position);
    if (found) return found.atMs;
    await new Promise((resolve) => {
      reader.wake = resolve;
    });
  }
};

globalThis.statesOf = (transport) => readers.get(transport).states;
