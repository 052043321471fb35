import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, type TestContext, test } from "node:test";
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { grpcStatus } from "@confab/contract";
import { ChatMessageSchema, ChatResponseSchema, UserSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { ListRoomsRequestSchema, ListRoomsResponseSchema } from "@confab/contract/gen/confab/v1/room_pb";
import type { Browser, Page } from "playwright-core";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { findPart, requirePart } from "../optional-parts.js";
import { callPage, type PageServer, servePages, startBrowser } from "./browser.js";
import { shownDetails, userIsMissing } from "./status-details.js";

// `grpc-web`, the stock client, where it is at home: on a page of another origin, in a browser.

interface Outcome {
  readonly code: number;
  readonly reply?: string;
  readonly details?: string;
  /** Of a stream that is over. */
  readonly headers?: Readonly<Record<string, string>>;
}

const service = "/confab.v1.ChatService";

let server: ServerProcess | undefined;
let pages: PageServer | undefined;
let browser: Browser | undefined;

before(async () => {
  const chromium = findPart("chromium");
  if (chromium === undefined) return;
  const page = await readFile(new URL("../../src/foreign/pages/grpc-web.mjs", import.meta.url), "utf8");
  const client = await readFile(new URL("./index.esm.js", import.meta.resolve("grpc-web")), "utf8");
  pages = await servePages(
    new Map([
      ["/", { type: "text/html", text: '<script type="module" src="grpc-web.mjs"></script>' }],
      ["/grpc-web.mjs", { type: "text/javascript", text: page }],
      ["/grpc-web-client.mjs", { type: "text/javascript", text: client }],
    ]),
  );
  server = await startServerProcess();
  browser = await startBrowser(chromium);
});

after(async () => {
  await browser?.close();
  await pages?.close();
  await server?.stop();
});

/** A test with a page of its own, skipped where there is no browser. */
function pageTest(name: string, run: (page: Page, url: string) => Promise<void>): void {
  test(name, { timeout: 60_000 }, async (t: TestContext) => {
    if (requirePart(t, "chromium") === undefined) return;
    assert.ok(browser && pages && server);
    const page = await browser.newPage();
    t.after(() => page.close());
    await page.goto(pages.origin);
    await run(page, server.url);
  });
}

function encoded<Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>): string {
  return Buffer.from(toBinary(schema, create(schema, init))).toString("base64");
}

function decoded<Desc extends DescMessage>(schema: Desc, base64: string): MessageShape<Desc> {
  return fromBinary(schema, Buffer.from(base64, "base64"));
}

async function send(page: Page, url: string, format: string, message: MessageInitShape<typeof ChatMessageSchema>) {
  const request = encoded(ChatMessageSchema, message);
  return callPage<Outcome>(page, "unary", url, format, `${service}/SendMessage`, request);
}

async function untilNobodyReads(page: Page, url: string, prefix: string): Promise<void> {
  const giveUpAtMs = Date.now() + 10_000;
  const request = encoded(ListRoomsRequestSchema, { prefix });
  for (;;) {
    const { reply = "" } = await callPage<Outcome>(page, "unary", url, "text", `${service}/ListRooms`, request);
    if (decoded(ListRoomsResponseSchema, reply).rooms[0]?.subscribers === 0) return;
    assert.ok(Date.now() < giveUpAtMs, `${prefix} still has a subscriber`);
  }
}

for (const format of ["text", "binary"]) {
  pageTest(`grpc-web sends in ${format} and gets the position`, async (page, url) => {
    for (const offset of [1n, 2n]) {
      const { code, reply = "" } = await send(page, url, format, { user: "ada", room: format, text: "grüß dich" });
      assert.equal(code, grpcStatus.OK);
      assert.equal(decoded(ChatResponseSchema, reply).position?.offset, offset);
    }
  });

  pageTest(`grpc-web in ${format} is told which field of a message is wrong`, async (page, url) => {
    const { code, details } = await send(page, url, format, { user: "", text: "who am I" });
    assert.equal(code, grpcStatus.INVALID_ARGUMENT);
    assert.deepEqual(shownDetails(details), userIsMissing);
  });

  pageTest(`grpc-web in ${format}: a message over the limit is RESOURCE_EXHAUSTED`, async (page, url) => {
    const { code } = await send(page, url, format, { user: "ada", text: "x".repeat(1_000_000) });
    assert.equal(code, grpcStatus.RESOURCE_EXHAUSTED);
  });

  pageTest(`grpc-web in ${format}: a method that does not exist is UNIMPLEMENTED`, async (page, url) => {
    const { code } = await callPage<Outcome>(page, "unary", url, format, `${service}/Nothing`, "");
    assert.equal(code, grpcStatus.UNIMPLEMENTED);
  });
}

pageTest("a stream of grpc-web hears in order what is sent, until it is cancelled", async (page, url) => {
  const room = "order";
  await send(page, url, "text", { user: "ada", room, text: "before" });
  const user = encoded(UserSchema, { name: "bob", room, history: 1 });
  await callPage(page, "openStream", url, `${service}/StreamMessages`, user);
  // What was sent before shows that the subscription is there.
  const heard = await callPage<string[]>(page, "nextMessages", 1);
  const texts = Array.from({ length: 50 }, (_, index) => `message ${index}`);
  for (const text of texts) await send(page, url, "text", { user: "ada", room, text });
  heard.push(...(await callPage<string[]>(page, "nextMessages", texts.length)));
  const messages = heard.map((message) => decoded(ChatMessageSchema, message));
  assert.deepEqual(
    messages.map(({ position, text }) => `${position?.offset} ${text}`),
    ["before", ...texts].map((text, index) => `${index + 1} ${text}`),
  );
  await callPage(page, "cancelStream");
  await untilNobodyReads(page, url, room);
});

pageTest("a stream of grpc-web whose deadline passes ends with DEADLINE_EXCEEDED", async (page, url) => {
  const user = encoded(UserSchema, { name: "bob", room: "deadline" });
  // The client's own timer is never below a second: this is the server's.
  const deadline = { deadline: String(Date.now() + 300) };
  await callPage(page, "openStream", url, `${service}/StreamMessages`, user, deadline);
  const end = await callPage<Outcome>(page, "streamEnd");
  assert.equal(end.code, grpcStatus.DEADLINE_EXCEEDED);
  assert.equal(shownDetails(end.details).code, "DEADLINE_EXCEEDED");
  assert.match(end.headers?.["confab-position"] ?? "", /^[1-9][0-9]*:0$/);
});
