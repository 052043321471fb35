import assert from "node:assert/strict";
import { test } from "node:test";
import { countedAddress } from "./counted-address.js";

test("an IPv4 address is counted by itself, however it is written", () => {
  for (const address of [
    "192.0.2.7",
    "::ffff:192.0.2.7",
    "::FFFF:192.0.2.7",
    "::ffff:c000:207",
    "0:0:0:0:0:ffff:192.0.2.7",
    "64:ff9b::192.0.2.7",
    "64:ff9b::c000:207",
  ])
    assert.equal(countedAddress(address), "192.0.2.7", address);
  assert.equal(countedAddress("192.0.2.8"), "192.0.2.8");
});

test("all IPv6 addresses of one network of 64 bits are counted as one", () => {
  for (const address of [
    "2001:db8:0:1::1",
    "2001:db8:0:1:ffff:ffff:ffff:ffff",
    "2001:0DB8:0000:0001::",
    "2001:db8::1:1:2:3:4",
  ])
    assert.equal(countedAddress(address), "2001:db8:0:1::/64", address);
  assert.equal(countedAddress("2001:db8:0:2::1"), "2001:db8:0:2::/64");
  assert.equal(countedAddress("fe80::1%eth0"), "fe80:0:0:0::/64");
  assert.equal(countedAddress("::2"), "0:0:0:0::/64");
});

test("text that cannot be read as an address is counted as it is written", () => {
  for (const text of ["a:b", "1:2:3:4:5:6:7:8:9", "x::1"]) assert.equal(countedAddress(text), text);
});

test("callers of this machine are not counted", () => {
  for (const address of ["", "127.0.0.1", "127.8.9.1", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1"])
    assert.equal(countedAddress(address), undefined, address);
});

test("more addresses than are remembered are still counted by their network", () => {
  for (let index = 0; index < 10_050; index++)
    assert.equal(countedAddress(`2001:db8:7:${index.toString(16)}::5`), `2001:db8:7:${index.toString(16)}::/64`);
});
