import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Platform, SocketLike } from "@confab/client";
import { frameBytes, WireMeter } from "./wire-meter.js";

const noPlatform: Platform = {
  fetch: () => Promise.reject(new Error("no fetch here")),
  makeSocket: () => assert.fail("no sockets here"),
};

/** A socket that remembers what it sent, and says what it is told to. */
class FakeSocket extends EventTarget implements Omit<SocketLike, "addEventListener"> {
  binaryType = "arraybuffer";
  readonly protocol = "";
  readonly readyState = 1;
  readonly sent: unknown[] = [];
  send(data: unknown): void {
    this.sent.push(data);
  }
  close(): void {
    this.dispatchEvent(new Event("close"));
  }
  say(data: unknown): void {
    this.dispatchEvent(Object.assign(new Event("message"), { data }));
  }
}

describe("a WebSocket frame", () => {
  it("has the lengths of RFC 6455 §5.7, below, at and above each bound", () => {
    assert.deepEqual(
      [5, 125, 126, 65_535, 65_536].map((length) => frameBytes(length, false) - length),
      [2, 2, 4, 4, 10],
    );
  });

  it("has four bytes more from a browser, for its mask", () => {
    assert.equal(frameBytes(5, true), 11);
  });
});

describe("the meter", () => {
  it("counts the frames of a socket both ways, text in UTF-8, and passes them on", () => {
    const [meter, fake] = [new WireMeter(), new FakeSocket()];
    const socket = meter
      .metered({ ...noPlatform, makeSocket: () => fake as unknown as SocketLike })
      .makeSocket("", [], () => undefined);
    const heard: unknown[] = [];
    socket.addEventListener("message", ({ data }) => heard.push(data));
    socket.send("zwölf");
    socket.send(new Uint8Array(200));
    fake.say("ok");
    fake.say(new ArrayBuffer(300));
    assert.deepEqual(meter.count, { out: 2 + 4 + 6 + 2 + 2 + 4 + 200, in: 2 + 2 + 2 + 2 + 300 });
    assert.equal(fake.sent.length, 2);
    assert.deepEqual([heard[0], heard.length], ["ok", 2]);
  });

  it("counts the bodies of requests and responses, and leaves status and headers as they are", async () => {
    const meter = new WireMeter();
    const headers = { "confab-position": "1:7" };
    const { fetch } = meter.metered({
      ...noPlatform,
      fetch: async () => new Response("twelve bytes", { status: 201, headers }),
    });
    const response = await fetch("http://here/send", {
      body: new Uint8Array(34),
      signal: new AbortController().signal,
    });
    assert.deepEqual([response.status, response.headers.get("confab-position")], [201, "1:7"]);
    assert.equal(await response.text(), "twelve bytes");
    assert.deepEqual(meter.count, { out: 34, in: 12 });
    assert.equal(meter.lastPostUrl, "http://here/send");
  });

  it("lets an answer without a body pass", async () => {
    const meter = new WireMeter();
    const { fetch } = meter.metered({ ...noPlatform, fetch: async () => new Response(null, { status: 204 }) });
    assert.equal((await fetch("http://here/", { signal: new AbortController().signal })).status, 204);
    assert.deepEqual(meter.count, { out: 0, in: 0 });
    assert.equal(meter.lastPostUrl, undefined);
  });
});
