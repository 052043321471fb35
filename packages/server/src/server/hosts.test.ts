import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConfigError } from "./config.js";
import { HostPolicy, isLoopbackHost } from "./hosts.js";

function assertAllowed(policy: HostPolicy, hosts: readonly string[], expected = true): void {
  for (const host of hosts) assert.equal(policy.allows(host), expected, host);
}

const assertRefused = (policy: HostPolicy, hosts: readonly string[]) => assertAllowed(policy, hosts, false);

describe("a host policy", () => {
  it("of a server on loopback allows the names of loopback, on any port, however they are spelt", () => {
    const policy = new HostPolicy([], "127.0.0.1");
    assertAllowed(policy, [
      "localhost",
      "localhost:8080",
      "LocalHost:8080",
      "localhost.",
      "app.localhost:5173",
      "127.0.0.1",
      "127.0.0.1:1",
      "127.1:8080",
      "127.8.9.10",
      "[::1]:8080",
      "[0:0:0:0:0:0:0:1]",
    ]);
  });

  it("refuses a foreign name, an address that it does not listen on, and what is not a host", () => {
    assertRefused(new HostPolicy([], "127.0.0.1"), [
      "evil.example",
      "evil.example:8080",
      "localhost.evil.example",
      "127.0.0.1.evil.example",
      "127.0.0.1.nip.io",
      "10.0.0.5",
      "0.0.0.0:8080",
      "[::2]",
      "",
      ":8080",
      "evil.example@localhost",
      "localhost/evil.example",
      "localhost#",
      "localhost\\evil",
      "localhost, evil.example",
      "localhost:80:80",
      "[::1",
      "::1",
    ]);
  });

  it("allows the address or name that the server listens on", () => {
    for (const [listensOn, host] of [
      ["10.0.0.5", "10.0.0.5:8080"],
      ["fd00::0005", "[fd00::5]:8080"],
      ["Chat.Internal", "chat.internal"],
    ] as const) {
      const policy = new HostPolicy([], listensOn);
      assertAllowed(policy, [host, "localhost:8080"]);
      assertRefused(policy, ["10.0.0.6", "evil.example"]);
    }
  });

  it("allows the address that a name turned out to be", () => {
    const policy = new HostPolicy([], "chat.internal");
    assertRefused(policy, ["10.0.0.5"]);
    policy.addAddress("10.0.0.5");
    assertAllowed(policy, ["10.0.0.5:8080", "chat.internal"]);
  });

  it("of a server on all addresses allows each address in numbers, and no name", () => {
    for (const listensOn of ["0.0.0.0", "::"]) {
      const policy = new HostPolicy([], listensOn);
      assertAllowed(policy, ["192.168.1.7:8080", "[fd00::5]:8080", "localhost"]);
      assertRefused(policy, ["evil.example", "192.168.1.7.evil.example"]);
    }
  });

  it("allows the names of its list, those below a suffix but not the suffix itself, and with a star any", () => {
    const policy = new HostPolicy(
      ["Chat.Example", "*.apps.example", "10.9.8.7", "fd00::7", "bücher.example"],
      "127.0.0.1",
    );
    assertAllowed(policy, [
      "chat.example",
      "CHAT.example:443",
      "a.apps.example",
      "a.b.apps.example:8443",
      "10.9.8.7",
      "[fd00::7]",
      "xn--bcher-kva.example",
    ]);
    assertRefused(policy, ["apps.example", "evilapps.example", "a.chat.example", "chat.example.evil"]);
    assertAllowed(new HostPolicy(["*"], "127.0.0.1"), ["evil.example", ""]);
  });

  it("stays the same however many names below a suffix have been asked for", () => {
    const policy = new HostPolicy(["*.apps.example"], "127.0.0.1");
    for (let index = 0; index < 2_500; index++) assert.ok(policy.allows(`a${index}.apps.example`));
    assertAllowed(policy, ["a0.apps.example"]);
    assertRefused(policy, ["evil.example"]);
  });

  it("refuses a configuration that could never match, and names the option", () => {
    for (const text of [
      "",
      "https://chat.example",
      "chat.example:8080",
      "chat.example/",
      "*chat.example",
      "chat.*",
      "*.",
      "*.*.example",
      "a b",
      "[::1",
      "1.2.3.4.5",
    ]) {
      assert.throws(
        () => new HostPolicy([text], "127.0.0.1"),
        (error: unknown) => error instanceof ConfigError && error.message.includes("--allow-host"),
        text,
      );
    }
  });
});

describe("a host", () => {
  it("is loopback by its name or address alone", () => {
    for (const host of ["localhost", "app.localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]"])
      assert.ok(isLoopbackHost(host), host);
    for (const host of ["localhost.example", "127.0.0.1.example", "0.0.0.0", "::", "10.0.0.1", ""])
      assert.equal(isLoopbackHost(host), false, host);
  });
});
