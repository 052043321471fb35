import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Random } from "@confab/contract/testing/random";
import { mutated } from "./mutate.js";

/** What became of an input, to be compared with what became of the same input in other chunks. */
export type DecodeResult = { readonly taken: unknown } | { readonly refused: string };

/** Something that makes sense of bytes that anybody may send. */
export interface Decoder {
  /** Also the folder of its corpus. */
  readonly name: string;
  /**
   * Decode an input that comes in these chunks. The chunks belong to the decoder. It refuses what it should refuse by its
   * result; whatever this throws is a bug.
   */
  decode(chunks: readonly Uint8Array[]): DecodeResult | Promise<DecodeResult>;
  /** How much less often than others it is tried, because it takes more. Default 1. */
  readonly cost?: number;
}

/** How many mutations of its corpus each decoder gets, and from which seed: to look further, or to repeat a failure. */
const rounds = Number(process.env["FUZZ_ROUNDS"] ?? 1_500);
const firstSeed = Number(process.env["FUZZ_SEED"] ?? 20_261);

const corpusFolder = fileURLToPath(new URL("../../corpus/", import.meta.url));

/** Every input that is kept for a decoder, by its file's name. */
export function corpusOf(name: string): ReadonlyMap<string, Uint8Array> {
  const folder = join(corpusFolder, name);
  return new Map(readdirSync(folder).map((file) => [file, readFileSync(join(folder, file))]));
}

/** The tests of one decoder: its corpus again, then mutations of it. */
export function fuzz(decoder: Decoder): void {
  const corpus = corpusOf(decoder.name);
  const inputs = [...corpus.values()];

  describe(`the decoder of ${decoder.name}`, () => {
    it("takes or refuses every input of its corpus, the same whatever the chunks", async () => {
      const outcomes = { taken: 0, refused: 0 };
      for (const [file, input] of corpus) {
        const result = await checked(decoder, input, new Random(1), `corpus file ${file}`);
        outcomes["taken" in result ? "taken" : "refused"]++;
      }
      // A corpus of which all is refused at the first byte would look nowhere.
      assert.ok(outcomes.taken > 0 && outcomes.refused > 0, JSON.stringify(outcomes));
    });

    it("takes or refuses mutations of its corpus, the same whatever the chunks", async () => {
      for (let seed = firstSeed; seed < firstSeed + rounds / (decoder.cost ?? 1); seed++) {
        const random = new Random(seed);
        await checked(decoder, mutated(inputs, random), random, `FUZZ_SEED=${seed}`);
      }
    });
  });
}

/** Decode an input whole, byte by byte and in chunks, and compare. */
async function checked(decoder: Decoder, input: Uint8Array, random: Random, what: string): Promise<DecodeResult> {
  try {
    const whole = await decoder.decode([Uint8Array.from(input)]);
    const bytewise = Array.from(input, (byte) => Uint8Array.of(byte));
    const chunks = random.chunks(Uint8Array.from(input), 1 + Math.ceil(input.length / 3));
    assert.deepEqual(await decoder.decode(bytewise), whole, "byte by byte");
    assert.deepEqual(await decoder.decode(chunks), whole, `in chunks of ${chunks.map(({ length }) => length)}`);
    return whole;
  } catch (cause) {
    const found = `${what} is a find: keep these bytes in corpus/${decoder.name}: ${Buffer.from(input).toString("hex")}`;
    throw new Error(`${found}\n${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`, { cause });
  }
}
