import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ConfabError } from "@confab/contract";
import { type Principal, refusedPrincipal, stranger } from "../../service/index.js";
import { type RestTestServer, restTestServer } from "../../testing/rest-test-server.js";
import { SseTestClient } from "../../testing/sse-test-client.js";

// A page's EventSource whose position was trimmed got HTTP 416: it stopped for ever, and its page was told nothing.

let server: RestTestServer;
before(async () => {
  server = await restTestServer();
  await server.say("short", "one", "two");
});
after(() => server.close());

/** What browsers send, and nothing else that names a type. */
const eventSource = { accept: "text/event-stream" };

function open(path: string, headers: Record<string, string> = eventSource): Promise<SseTestClient> {
  return SseTestClient.open(`${server.origin}/v1/rooms/${path}`, headers);
}

test("an EventSource whose position is gone is told what the room has, and then the stream ends", async () => {
  for (const [path, headers] of [
    ["short/stream?after=6:1", eventSource],
    ["short/stream", { ...eventSource, "last-event-id": "7:99" }],
  ] as const) {
    const client = await open(path, headers);
    assert.deepEqual([client.status, client.headers["content-type"]], [200, "text/event-stream"]);
    const event = await client.next();
    assert.deepEqual([event?.name, event?.retry], ["error", "2000"]);
    const { code, details } = JSON.parse(event?.data ?? "{}");
    assert.equal(code, "OUT_OF_RANGE");
    const range = details.find((detail: { "@type": string }) => detail["@type"].endsWith("AvailableRange"));
    assert.deepEqual(
      [range.oldest, range.newest],
      [
        { epoch: 7, offset: "1" },
        { epoch: 7, offset: "2" },
      ],
    );
    assert.equal(await client.next(), undefined);
  }
});

test("it comes back once more, with the id of that event, and is ended for good", async () => {
  const told = await open("short/stream?after=6:1");
  const id = (await told.next())?.id ?? "";
  assert.notEqual(id, "");
  const again = await open("short/stream?after=6:1", { ...eventSource, "last-event-id": id });
  assert.deepEqual([again.status, again.headers["content-type"]], [204, undefined]);
  assert.equal(await again.next(), undefined);
});

for (const [what, path, headers, code] of [
  ["a position that is not one", "short/stream?after=soon", {}, "MALFORMED_MESSAGE"],
  ["a Last-Event-ID that is not one", "short/stream", { "last-event-id": "soon" }, "MALFORMED_MESSAGE"],
  ["a room that cannot be", "%20/stream", {}, "INVALID_MESSAGE"],
] as const) {
  test(`${what} is an error event too, after which coming back is of no use`, async () => {
    const client = await open(path, { ...eventSource, ...headers });
    assert.equal(client.status, 200);
    const event = await client.next();
    assert.deepEqual([event?.name, JSON.parse(event?.data ?? "{}").code], ["error", code]);
    assert.equal((await open(path, { ...eventSource, "last-event-id": event?.id ?? "" })).status, 204);
  });
}

test("an error that passes has no id, so that the EventSource comes back by itself, with the position that it has", async () => {
  const own = await restTestServer();
  own.hub.subscribe = () => Promise.reject(new ConfabError("ENGINE_UNAVAILABLE", "away", { retryAfterMs: 9_000 }));
  const client = await SseTestClient.open(`${own.origin}/v1/rooms/a/stream`, eventSource);
  const event = await client.next();
  assert.deepEqual([client.status, event?.name, event?.id, event?.retry], [200, "error", undefined, "9000"]);
  await own.close();
});

test("a stream that is under way and ends for good says so in the same way", async () => {
  const own = await restTestServer();
  const client = await SseTestClient.open(`${own.origin}/v1/rooms/a/stream`, eventSource);
  await client.next();
  own.hub.close(new ConfabError("OUT_OF_RANGE", "the log was replaced"));
  const event = await client.next();
  assert.deepEqual([event?.name, event?.id], ["error", "ended"]);
  await own.close();
});

for (const accept of [undefined, "*/*", "text/event-stream, application/json", "application/json", "text/*"]) {
  test(`a client that takes other types as well gets the HTTP error: accept: ${accept}`, async () => {
    const client = await open("short/stream?after=6:1", accept === undefined ? {} : { accept });
    assert.deepEqual([client.status, client.headers["content-type"]], [416, "application/json"]);
    client.close();
  });
}

// A cookie with a lifetime is gone when its token expires. If the page set the next one a second too late, its EventSource had
// been told that it is over, and never came back.
const mayNothing: Principal = { user: undefined, refusal: () => undefined, may: () => false };
for (const [who, principal, code, freshId, resumedId] of [
  ["shows no token where one is needed", stranger, "UNAUTHENTICATED", "ended", undefined],
  ["shows none where others may do more", mayNothing, "PERMISSION_DENIED", "ended", undefined],
  ["is a user who may not read", { ...mayNothing, user: "ann" }, "PERMISSION_DENIED", "ended", "ended"],
  ["shows a wrong token", refused("UNAUTHENTICATED"), "UNAUTHENTICATED", "ended", "ended"],
  ["shows an expired one", refused("TOKEN_EXPIRED"), "TOKEN_EXPIRED", undefined, undefined],
] as const) {
  const after = resumedId === undefined ? "comes back by itself" : "is told that it is over";
  test(`an EventSource that resumes and ${who} ${after}`, async (t) => {
    const own = await restTestServer({ principal });
    t.after(() => own.close());
    const idOf = async (headers: Record<string, string>) => {
      const client = await SseTestClient.open(`${own.origin}/v1/rooms/a/stream`, headers);
      const event = await client.next();
      assert.deepEqual([event?.name, JSON.parse(event?.data ?? "{}").code, event?.retry], ["error", code, "2000"]);
      return event?.id;
    };
    assert.equal(await idOf({ ...eventSource, "last-event-id": "7:1" }), resumedId);
    assert.equal(await idOf(eventSource), freshId, "one that has read nothing");
  });
}

function refused(code: "UNAUTHENTICATED" | "TOKEN_EXPIRED"): Principal {
  return refusedPrincipal(new ConfabError(code, "no"));
}
