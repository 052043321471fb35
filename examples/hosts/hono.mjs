// Confab in a Hono application.  PORT=3000 node examples/hosts/hono.mjs
import { createConfab } from "@confab/server";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { connect, logIn, userOf } from "./sessions.mjs";

const app = new Hono();
app.post("/login", async (context) => {
  context.header("set-cookie", logIn((await context.req.json()).user));
  return context.text("welcome");
});
app.get("/", (context) => context.html(`<h1>Hello, ${userOf(context.req.header("cookie")) ?? "stranger"}</h1>`));

const server = serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000) }, ({ port }) =>
  console.log(`http://localhost:${port}`),
);
const confab = await createConfab({ hooks: { connect } });
confab.attach(server, { path: "/talk" });
process.once("SIGTERM", () => confab.close().then(() => server.close()));
