import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Random } from "@confab/contract/testing/random";
import { acknowledgedIn, checkFolder } from "./check-image.js";
import { type CommandedEngine, startEngine } from "./commanded-engine.js";
import { imageAfter, type Loss, writeImage } from "./crash-image.js";
import { type DiskEvent, readRecording } from "./recording.js";

export interface DiskTortureRun {
  readonly seed: number;
  /** The C compiler. */
  readonly cc: string;
  /** When to stop; one recording and `minCuts` power cuts are made at the least. */
  readonly seconds: number;
  /** Power cuts tried on each recording. */
  readonly cuts: number;
  readonly signal: AbortSignal;
  /** For people, while it lasts. */
  progress(line: string): void;
}

export interface DiskTortureResult {
  readonly recordings: number;
  readonly cuts: number;
  /** Acknowledged messages that were looked for, over all cuts. */
  readonly compared: number;
  readonly violations: readonly string[];
}

/** Acknowledgements in each of a recording's two parts: before a close, and before a kill. */
const acknowledgements = 120;

/** Power cuts in a run, however short. */
const minCuts = 16;

const losses: readonly Loss[] = ["dropped", "torn", "either", "kept"];

/** Record what the engine does to its folder, cut the power at random moments, and open what is left. @throws Error: it could not run. */
export async function runDiskTorture(run: DiskTortureRun): Promise<DiskTortureResult> {
  const work = realpathSync(mkdtempSync(join(tmpdir(), "confab-disk-")));
  const until = performance.now() + run.seconds * 1_000;
  const random = new Random(run.seed);
  const violations: string[] = [];
  let [recordings, cuts, compared] = [0, 0, 0];
  let reader = startEngine();
  try {
    const library = await compileRecorder(run.cc, work);
    do {
      recordings++;
      const events = await recordWhole(library, join(work, String(recordings)), random);
      run.progress(`recording ${recordings}: ${events.length} events`);
      const isDue = () => cuts < minCuts || performance.now() < until;
      for (let cut = 1; cut <= run.cuts && isDue() && !run.signal.aborted; cut++) {
        const end = random.int(1, events.length);
        const loss = losses[random.int(0, losses.length - 1)] as Loss;
        const folder = join(work, "image");
        writeImage(imageAfter(events, end, loss, random), folder);
        const acknowledged = acknowledgedIn(events.slice(0, end));
        const fault = await faultOf(folder, acknowledged, reader);
        if (fault !== undefined)
          violations.push(
            `recording ${recordings}, after event ${end} of ${events.length}, unflushed writes ${loss}: ${fault}`,
          );
        if (reader.isOver) reader = startEngine();
        rmSync(folder, { recursive: true });
        cuts++;
        compared += acknowledged.length;
      }
    } while (performance.now() < until && !run.signal.aborted && violations.length < 20);
    return { recordings, cuts, compared, violations };
  } finally {
    await reader.kill();
    rmSync(work, { recursive: true, force: true });
  }
}

export function diskReportText({ recordings, cuts, compared, violations }: DiskTortureResult, seed: number): string {
  const figures = `seed ${seed}: ${recordings} recordings, ${cuts} power cuts, ${compared} acknowledged messages looked for\n`;
  if (violations.length === 0)
    return `${figures}every acknowledged message was there, once and in order; nothing else was\n`;
  return `${figures}${violations.length} violations\n${violations.map((each) => `  ${each}\n`).join("")}`;
}

/** A reader that ends is a fault of the engine: no folder may end its server without a word. */
async function faultOf(
  folder: string,
  acknowledged: Parameters<typeof checkFolder>[1],
  reader: CommandedEngine,
): Promise<string | undefined> {
  try {
    return await checkFolder(folder, acknowledged, reader);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function compileRecorder(cc: string, work: string): Promise<string> {
  // The source stays where it is: only TypeScript is compiled into dist.
  const source = fileURLToPath(new URL("../../../src/torture/disk/record-writes.c", import.meta.url));
  const library = join(work, "record-writes.so");
  await promisify(execFile)(cc, ["-shared", "-fPIC", "-O2", "-o", library, source, "-ldl"]);
  return library;
}

/** The kill may come between a call and the line that records it. More than a few of those in a row are a fault of the recorder. */
const maxAttempts = 4;

async function recordWhole(library: string, work: string, random: Random): Promise<DiskEvent[]> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await record(library, `${work}-${attempt}`, random);
    } catch (error) {
      if (!(error instanceof HoleError) || attempt === maxAttempts) throw error;
    }
  }
}

/** A call was made that is not in the recording. */
class HoleError extends Error {
  override readonly name = "HoleError";
}

/** Two servers one after another on one folder: the first is closed, and the second one killed. */
async function record(library: string, work: string, random: Random): Promise<DiskEvent[]> {
  const folder = `${work}.data`;
  const recording = `${work}.recording`;
  const engine = startEngine({
    LD_PRELOAD: library,
    RECORD_FOLDER: folder,
    RECORD_FILE: recording,
    // Writes that the kernel makes for a ring are not calls that could be recorded.
    UV_USE_IO_URING: "0",
  });
  try {
    await engine.ask(`open ${folder}`, /^open$/);
    await engine.ask("append", /^appending$/);
    const first = random.int(1, acknowledgements);
    await engine.hasSaid(first);
    await engine.ask("close", /^closed$/);
    await engine.ask(`open ${folder}`, /^open$/);
    await engine.ask("append", /^appending$/);
    await engine.hasSaid(first + acknowledgements);
  } finally {
    await engine.kill();
  }
  const events = readRecording(recording);
  refuseHoles(events, folder);
  return events;
}

/** A recording that does not lead to the very files that are there has missed a call, and proves nothing. */
function refuseHoles(events: readonly DiskEvent[], folder: string): void {
  const mapped = new Set(events.flatMap((event) => (event.kind === "map" ? [event.inode] : [])));
  const inodes = new Map(
    events.flatMap((event) => (event.kind === "create" ? [[event.name, event.inode] as const] : [])),
  );
  const image = imageAfter(events, events.length, "kept", new Random(1));
  for (const { name } of readdirSync(folder, { withFileTypes: true }).filter((each) => each.isFile())) {
    // LMDB's lock files are written through mappings, and made again at each start.
    if (name.endsWith("-lock") && mapped.has(inodes.get(`/${name}`) ?? "")) continue;
    const recorded = image.get(`/${name}`);
    if (!recorded?.equals(readFileSync(join(folder, name))))
      throw new HoleError(`the recording does not explain the file ${name}: a call was missed`);
  }
}
