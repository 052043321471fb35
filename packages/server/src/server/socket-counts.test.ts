import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { test } from "node:test";
import { setPeer } from "../http/peer.js";
import { SocketCounts } from "./socket-counts.js";

/** A socket of this address, without a network. */
class FakeSocket extends EventEmitter {
  isDestroyed = false;

  constructor(readonly remoteAddress: string | undefined) {
    super();
  }

  destroy(): void {
    this.isDestroyed = true;
    this.emit("close");
  }
}

function countsOf(maxConnectionsByAddress: number) {
  const limits = { maxConnectionsByAddress };
  const refusals: string[] = [];
  const counts = new SocketCounts({
    limits,
    isProxy: ({ address }) => address === "192.0.2.99",
    onRefusal: (address, reason) => refusals.push(`${address}: ${reason}`),
  });
  const open = (address: string | undefined) => {
    const socket = new FakeSocket(address);
    assert.equal(counts.admit(socket as unknown as Socket), !socket.isDestroyed);
    return socket;
  };
  return { open, refusals, limits };
}

test("an address holds as many sockets as maxConnectionsByAddress says, and others are not its concern", () => {
  const { open, refusals } = countsOf(2);
  const first = open("192.0.2.1");
  open("192.0.2.1");
  assert.ok(open("192.0.2.1").isDestroyed);
  assert.deepEqual(refusals, ["192.0.2.1: it has 2 sockets; maxConnectionsByAddress is 2"]);
  assert.ok(!open("192.0.2.2").isDestroyed);
  first.destroy();
  assert.ok(!open("192.0.2.1").isDestroyed, "one has closed");
  assert.ok(open("192.0.2.1").isDestroyed, "one that was refused gives nothing back");
});

test("a network of IPv6 is counted together", () => {
  const { open } = countsOf(1);
  open("2001:db8::1");
  assert.ok(open("2001:db8::2").isDestroyed);
});

test("a client that a PROXY header has named is counted, also where it has a proxy's address", () => {
  const counts = new SocketCounts({
    limits: { maxConnectionsByAddress: 1 },
    isProxy: ({ isNamedByProxy }) => isNamedByProxy !== true,
    onRefusal: () => undefined,
  });
  const admitted = [1, 2].map(() => {
    const socket = new FakeSocket("192.0.2.99") as unknown as Socket;
    setPeer(socket, { address: "192.0.2.1", isNamedByProxy: true });
    return counts.admit(socket);
  });
  assert.deepEqual(admitted, [true, false]);
});

test("this machine, proxies, and peers that have gone are not counted", () => {
  const { open } = countsOf(1);
  for (const address of ["127.0.0.1", "::1", "192.0.2.99", undefined])
    for (let count = 0; count < 3; count++) assert.ok(!open(address).isDestroyed, address);
});

test("a limit that is reloaded counts for new sockets", () => {
  const { open, limits } = countsOf(1);
  open("192.0.2.1");
  limits.maxConnectionsByAddress = 2;
  assert.ok(!open("192.0.2.1").isDestroyed);
  assert.ok(open("192.0.2.1").isDestroyed);
});
