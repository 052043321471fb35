// Confab in an Express application.  PORT=3000 node examples/hosts/express.mjs
import { createConfab } from "@confab/server";
import express from "express";
import { connect, logIn, userOf } from "./sessions.mjs";

const app = express();
app.use(express.json());
app.post("/login", (request, response) => response.set("set-cookie", logIn(request.body.user)).send("welcome"));
app.get("/", (request, response) => response.send(`<h1>Hello, ${userOf(request.headers.cookie) ?? "stranger"}</h1>`));

const server = app.listen(Number(process.env.PORT ?? 3000), () =>
  console.log(`http://localhost:${server.address().port}`),
);
const confab = await createConfab({ hooks: { connect } });
confab.attach(server, { path: "/talk" });
process.once("SIGTERM", () => confab.close().then(() => server.close()));
