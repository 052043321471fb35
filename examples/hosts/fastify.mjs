// Confab in a Fastify application.  PORT=3000 node examples/hosts/fastify.mjs
import { createConfab } from "@confab/server";
import fastify from "fastify";
import { connect, logIn, userOf } from "./sessions.mjs";

const app = fastify();
app.post("/login", (request, reply) => reply.header("set-cookie", logIn(request.body.user)).send("welcome"));
app.get("/", (request, reply) =>
  reply.type("text/html").send(`<h1>Hello, ${userOf(request.headers.cookie) ?? "stranger"}</h1>`),
);

const confab = await createConfab({ hooks: { connect } });
confab.attach(app.server, { path: "/talk" });
await app.listen({ port: Number(process.env.PORT ?? 3000) });
console.log(`http://localhost:${app.server.address().port}`);
process.once("SIGTERM", () => confab.close().then(() => app.close()));
