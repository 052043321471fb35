import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RedisUrlError } from "./start-errors.js";
import { describeTarget, redisTargetFrom } from "./url.js";

const nothing = { masterName: "", username: undefined, password: undefined, sentinelPassword: undefined, database: 0 };

describe("a Redis URL", () => {
  it("names one server, with a port, a user, a password and a database where they are given", () => {
    const single = { ...nothing, form: "single", isTls: false };
    assert.deepEqual(redisTargetFrom("redis://db"), { ...single, addresses: [{ host: "db", port: 6379 }] });
    assert.deepEqual(redisTargetFrom("rediss://ann:p%40ss%3A@db:7000/3"), {
      ...single,
      isTls: true,
      addresses: [{ host: "db", port: 7000 }],
      username: "ann",
      password: "p@ss:",
      database: 3,
    });
    assert.deepEqual(redisTargetFrom("redis://:only-password@[::1]:7000").addresses, [{ host: "::1", port: 7000 }]);
    assert.deepEqual(redisTargetFrom("redis://:a@b@db").password, "a@b", "what is not encoded but clear is taken");
    assert.equal(redisTargetFrom("redis://:pw@db").username, undefined);
  });

  it("names Sentinels and their master", () => {
    const target = redisTargetFrom("redis+sentinel://:pw@s1,s2:7000/rooms/2?sentinel-password=spw");
    assert.deepEqual(target, {
      form: "sentinel",
      isTls: false,
      addresses: [
        { host: "s1", port: 26_379 },
        { host: "s2", port: 7000 },
      ],
      masterName: "rooms",
      username: undefined,
      password: "pw",
      sentinelPassword: "spw",
      database: 2,
    });
    assert.equal(describeTarget(target), "rooms of the Sentinels s1:26379, s2:7000");
  });

  it("names some servers of a Cluster", () => {
    const target = redisTargetFrom("rediss+cluster://a:1,[::2]:2");
    assert.deepEqual([target.form, target.isTls, target.addresses.length], ["cluster", true, 2]);
    assert.equal(describeTarget(target), "the Cluster of a:1, [::2]:2");
  });

  for (const [url, why] of [
    ["", /begins with redis:\/\//],
    ["localhost:6379", /begins with redis:\/\//],
    ["http://secret@db", /begins with redis:\/\//],
    ["redis://", /host or host:port/],
    ["redis://db:0", /host or host:port/],
    ["redis://db:65536", /host or host:port/],
    ["redis://db:port", /host or host:port/],
    ["redis://a b:1:2", /host or host:port/],
    ["redis://secret:secret@", /host or host:port/],
    ["redis://a,b", /names one server/],
    ["redis://db/rooms", /database at the end/],
    ["redis://db/1/2", /database at the end/],
    ["redis+cluster://a,b/1", /database 0 alone/],
    ["redis+sentinel://a,b", /master's name/],
    ["redis://:%secret@db", /percent-encoded/],
    ["redis://db?secret=1", /has options after a \?/],
    ["redis://db?sentinel-password=secret", /has options after a \?/],
    // A password with a ? that is not percent-encoded.
    ["redis://user:123?secret@db", /has options after a \?/],
    ["redis+sentinel://db/rooms?secret=1", /another option after the \? than sentinel-password/],
  ] as const) {
    it(`is refused, and not repeated, as ${JSON.stringify(url)}`, () => {
      assert.throws(
        () => redisTargetFrom(url),
        (error) => error instanceof RedisUrlError && why.test(error.message) && !error.message.includes("secret@"),
      );
    });
  }
});
