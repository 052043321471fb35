// Keeps a chat going while the server is restarted under it: says a number twice a second, and shows what everybody says.
//
//     node examples/keep-chatting.mjs http://127.0.0.1:8080 ada
import { connect } from "@confab/client/node";

const [url = "http://127.0.0.1:8080", user = "ada"] = process.argv.slice(2);
const client = connect({ url, user });
const room = client.room("lobby");

client.on("state", (state) => {
  if (state.name === "live") console.log(`-- live over ${state.transport}`);
  if (state.name === "reconnecting")
    console.log(`-- ${state.error.message}; attempt ${state.attempt} in ${Math.round(state.delayMs)} ms`);
});

const show = (message) => console.log(`${message.user}: ${message.text}`);
const reading = room.subscribe(show, { history: 10 });

let count = 0;
const timer = setInterval(() => {
  // Waits while there is no server, and is then stored once, after what was said before it.
  room.send(`message ${++count}`).catch((error) => console.log(`-- not sent: ${error.message}`));
}, 500);

process.once("SIGINT", () => client.close());
const error = await reading.ended;
clearInterval(timer);
client.close();
if (error) throw error;
