// Confab in a server of node:http.  PORT=3000 node examples/hosts/node-http.mjs
import { createServer } from "node:http";
import { createConfab } from "@confab/server";
import { connect, logIn, userOf } from "./sessions.mjs";

const server = createServer(async (request, response) => {
  if (request.method === "POST" && request.url === "/login") {
    const { user } = JSON.parse(Buffer.concat(await request.toArray()));
    response.setHeader("set-cookie", logIn(user)).end("welcome");
  } else
    response
      .setHeader("content-type", "text/html")
      .end(`<h1>Hello, ${userOf(request.headers.cookie) ?? "stranger"}</h1>`);
});

const confab = await createConfab({ hooks: { connect } });
confab.attach(server, { path: "/talk" });
server.listen(Number(process.env.PORT ?? 3000), () => console.log(`http://localhost:${server.address().port}`));
process.once("SIGTERM", () => confab.close().then(() => server.close()));
