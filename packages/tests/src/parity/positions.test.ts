import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { rawReaders } from "./raw-readers.js";

describe("a resume", () => {
  let server: ServerProcess;
  const epochs = { trimmed: 0, whole: 0 };
  before(async () => {
    server = await startServerProcess({ flags: { retention: { maxMessages: 10 } } });
    for (let i = 0; i < 30; i++) epochs.trimmed = await send(server.url, "trimmed");
    for (let i = 0; i < 2; i++) epochs.whole = await send(server.url, "whole");
  });
  after(() => server.stop());

  const ofRoom = (epoch: number) => epoch;
  const cases = [
    ["from a position that the log holds", "whole", ofRoom, 1, "reading"],
    ["from before the first message", "whole", ofRoom, 0, "reading"],
    ["from a position of another epoch", "whole", (epoch: number) => (epoch ^ 1) >>> 0, 1, "OUT_OF_RANGE"],
    ["from a position of another room", "whole", () => epochs.trimmed, 1, "OUT_OF_RANGE"],
    ["from a position in the future", "whole", ofRoom, 3, "OUT_OF_RANGE"],
    ["from a position whose successors were trimmed", "trimmed", ofRoom, 5, "OUT_OF_RANGE"],
    ["from the last position before what is left", "trimmed", ofRoom, 20, "reading"],
  ] as const;

  for (const [what, room, epochFor, offset, outcome] of cases) {
    it(`${what} is answered with ${outcome} on every transport`, async () => {
      const position = { epoch: epochFor(epochs[room]), offset };
      const outcomes = await Promise.all(
        rawReaders.map(async ({ name, readFrom }) => [name, await readFrom(server.url, room, position)]),
      );
      assert.deepEqual(Object.fromEntries(outcomes), Object.fromEntries(rawReaders.map(({ name }) => [name, outcome])));
    });
  }

  it("that cannot be says what the log does hold", async () => {
    const { trimmed: epoch } = epochs;
    const response = await fetch(`${server.url}/v1/rooms/trimmed/messages?after=${epoch}:5`);
    assert.equal(response.status, 416);
    const { error } = (await response.json()) as { error: { details: { "@type": string }[] } };
    const range = error.details.find((detail) => detail["@type"].endsWith("AvailableRange"));
    assert.deepEqual(range, {
      "@type": "type.googleapis.com/confab.v1.AvailableRange",
      room: "trimmed",
      oldest: { epoch, offset: "21" },
      newest: { epoch, offset: "30" },
    });
  });
});

async function send(url: string, room: string): Promise<number> {
  const response = await fetch(`${url}/v1/rooms/${room}/messages`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ user: "ann", text: "hi" }),
  });
  return ((await response.json()) as { position: { epoch: number } }).position.epoch;
}
