import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { type ProgramResult, runProgram } from "../fixture/run-program.js";

const confab = fileURLToPath(new URL("../../../cli/dist/main.js", import.meta.url));

interface ByteRow {
  readonly step: string;
  readonly upBytes: number;
  readonly downBytes: number;
  readonly payloadBytes: number;
  readonly fieldBytes: number;
  readonly framingBytes: number;
  readonly headBytes: number;
  readonly tlsBytes: number;
}

/** What these tests look at in a report. */
interface Report {
  readonly tls?: { readonly version: string; readonly cipher: string; readonly certificateBytes: number };
  readonly contenders: readonly {
    readonly id: string;
    readonly failures: readonly unknown[];
    readonly bytes: readonly ByteRow[];
    readonly facts: Readonly<Record<"push" | "resume" | "http1Proxy" | "upgradingProxy", { readonly works: boolean }>>;
    readonly stall: { readonly isOtherRoomHeld: boolean };
  }[];
  readonly figures: readonly {
    readonly name: string;
    readonly entries: readonly { readonly id: string; readonly estimate: { readonly value: number } }[];
  }[];
}

/** A record of TLS 1.3 (RFC 8446 §5.2): five bytes of head, one for the type inside, a tag of sixteen. */
const recordBytes = 22;

describe("confab compare --quick --tls", () => {
  let folder: string;
  let result: ProgramResult;
  let report: Report;
  let page: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "confab-compare-tls-"));
    const [json, html] = [join(folder, "out.json"), join(folder, "out.html")];
    const small = ["--rate", "50", "--subscribers", "2", "--seconds", "0.2", "--rounds", "4"];
    const what = ["--tls", "--transports", "websocket,grpc,connect-json"];
    const args = ["compare", "--quick", ...what, ...small, "--json", json, "--html", html];
    result = await runProgram(process.execPath, [confab, ...args]);
    assert.equal(result.code, 0, `${result.stderr}${result.stdout}`);
    report = JSON.parse(await readFile(json, "utf8")) as Report;
    page = await readFile(html, "utf8");
  });
  after(() => rm(folder, { recursive: true }));

  const contender = (id: string) => report.contenders.find((each) => each.id === id) ?? assert.fail(`no ${id}`);
  const row = (id: string, step: string) =>
    contender(id).bytes.find((each) => each.step === step) ?? assert.fail(`no ${step}`);

  it("measures all that is measured in the clear", () => {
    assert.deepEqual(
      report.contenders.flatMap((each) => each.failures),
      [],
    );
    // With --quick the other numbers of readers have one round, which a busy machine may not keep.
    const certain = report.figures.filter(({ name }) => name !== "readerCpuUs");
    for (const { name, entries } of certain) assert.equal(entries.length, 3, `${name} of every contender`);
  });

  it("says what it was that was spoken, in every form of the report", () => {
    const { version, cipher, certificateBytes } = report.tls ?? assert.fail("no TLS");
    assert.deepEqual([version, certificateBytes], ["TLSv1.3", 415]);
    const said = `over TLS: TLSv1.3, ${cipher}, keys by`;
    assert.ok(result.stdout.includes(said), result.stdout);
    assert.ok(page.replace("Over", "over").includes(said));
    // The terminal wraps it.
    for (const text of [result.stdout, page])
      assert.match(text, /415 B without a chain\s+\(ec prime256v1\);\s+no session/);
  });

  it("tells the bytes of TLS from all others: a record for each that is said at once, and a handshake to begin with", () => {
    for (const { id, bytes } of report.contenders) {
      for (const { step, upBytes, downBytes, ...parts } of bytes) {
        const { payloadBytes, fieldBytes, framingBytes, headBytes, tlsBytes } = parts;
        const sum = payloadBytes + fieldBytes + framingBytes + headBytes + tlsBytes;
        assert.equal(sum, upBytes + downBytes, `${id}, ${step}`);
      }
      assert.equal(row(id, "receive").tlsBytes, recordBytes, id);
      // A plain WebSocket acknowledges nothing.
      assert.equal(row(id, "send").tlsBytes, (id === "websocket" ? 1 : 2) * recordBytes, id);
      assert.ok(row(id, "setUp").tlsBytes > 415, id);
    }
    assert.equal(
      row("websocket", "send").framingBytes,
      8,
      "as in the clear: RFC 6455, two bytes, two of length, four of mask",
    );
  });

  it("counts one round trip more than in the clear, the handshake's", () => {
    const trips = report.figures.find(({ name }) => name === "roundTrips")?.entries ?? [];
    assert.deepEqual(
      trips.map(({ estimate }) => estimate.value),
      [3, 3, 3],
    );
  });

  it("tries them behind proxies that end TLS and speak HTTP/1.1 alone, and through a stall", () => {
    const tried = (id: string) => {
      const { facts, stall } = contender(id);
      const { push, resume, http1Proxy, upgradingProxy } = facts;
      return [...[push, resume, http1Proxy, upgradingProxy].map(({ works }) => works), stall.isOtherRoomHeld];
    };
    assert.deepEqual(tried("websocket"), [true, true, false, true, false]);
    assert.deepEqual(tried("grpc"), [true, true, false, false, true]);
    assert.deepEqual(tried("connect-json"), [true, true, true, true, false]);
  });
});
