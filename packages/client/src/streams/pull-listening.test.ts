import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError } from "@confab/contract";
import { messageAt } from "../sdk/testing/fake-server.js";
import { type OpenedStream, pullListening } from "./pull-listening.js";

/** A listening after 7:3 whose head has not come, and its head. */
function lateListening() {
  let open: (stream: OpenedStream<number>) => void = () => undefined;
  const opening = new Promise<OpenedStream<number>>((resolve) => {
    open = resolve;
  });
  const { signal } = new AbortController();
  const listening = pullListening({ position: "7:3", recovered: true, opening, signal, release: () => undefined });
  async function* source() {
    yield 4;
  }
  const begin = (position: string) => open({ position, source: source(), read: (offset) => messageAt(offset, 9) });
  return { listening, begin, first: listening[Symbol.asyncIterator]().next() };
}

test("a head that comes late may give the position another epoch: its name after a restore", async () => {
  const { listening, begin, first } = lateListening();
  assert.equal(listening.position, "7:3");
  begin("9:3");
  assert.equal((await first).value?.position, "9:4");
  assert.equal(listening.position, "9:3");
});

test("a head that comes late and begins elsewhere is PROTOCOL_VIOLATION", async () => {
  for (const position of ["7:4", "9:2", "nowhere"]) {
    const { begin, first } = lateListening();
    begin(position);
    await assert.rejects(first, (error) => error instanceof ConfabError && error.code === "PROTOCOL_VIOLATION");
  }
});
