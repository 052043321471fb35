import { constants, setPriority } from "node:os";
import type { Position } from "@confab/contract/gen/confab/v1/message_pb";
import { benchRoom, marker, markLength } from "./chat-text.js";
import { becomesTrue, nowUs, sleep } from "./clock.js";
import { HistoryPages, positionAt } from "./history-pages.js";
import { openLoadSocket } from "./load-socket.js";
import { MarkReader } from "./mark-reader.js";
import { grpcResumeWire } from "./wires/grpc.js";
import { webSocketResumeWire } from "./wires/websocket.js";
import type { ResumeWire } from "./wires/wire.js";

/** Readers that come back all at once, all from the same number of messages back. */
export interface ResumeLoad {
  readonly wire: "ws-proto" | "grpc-confab";
  readonly port: number;
  readonly readers: number;
  readonly messagesBack: number;
  /** When they ask, on connections that are open by then; milliseconds since 1970. */
  readonly startUnixMs: number;
  readonly timeoutMs: number;
}

export interface ResumeResult {
  /** From the asking until the last of them had what a reader has that was live all the time. */
  readonly allLiveUs: number;
  readonly loadCpuUs: number;
}

const openingAtOnce = 100;
/** How long before the start the room's newest position is asked for. */
const positionLeadMs = 1_500;

/** @throws Error: the connections were not open in time, one was lost, or somebody did not get everything. */
export async function measureResume(load: ResumeLoad): Promise<ResumeResult> {
  const wire = load.wire === "ws-proto" ? webSocketResumeWire(benchRoom) : grpcResumeWire(benchRoom);
  const pages = new HistoryPages(load.port);
  const crowd = new ReturningCrowd(wire, load);
  try {
    await crowd.open();
    await sleep(Math.max(0, load.startUnixMs - positionLeadMs - Date.now()));
    const newest = await pages.newest();
    // One more reader, from now on: it tells what somebody has who was never away.
    await crowd.openProbe(newest);
    const lateMs = Date.now() - load.startUnixMs;
    if (lateMs > 0) throw new Error(`the connections were open ${lateMs} ms too late`);
    await sleep(-lateMs);
    // The live readers' load shares this one's core, and its latencies must not wait for what is read here.
    setPriority(constants.priority.PRIORITY_LOW);
    const from = crowd.probedOffset - load.messagesBack;
    if (from < 0) throw new Error(`the room holds ${crowd.probedOffset} messages only`);
    const startUs = nowUs();
    const before = process.cpuUsage();
    crowd.subscribeAll(positionAt(newest, from));
    await becomesTrue(() => crowd.live === load.readers || crowd.failure !== undefined, load.timeoutMs);
    if (crowd.live < load.readers || crowd.failure !== undefined)
      throw new Error(`${crowd.live} of ${load.readers} readers are live after ${load.timeoutMs} ms; ${crowd.failure}`);
    const { user, system } = process.cpuUsage(before);
    return { allLiveUs: crowd.lastLiveAtUs - startUs, loadCpuUs: user + system };
  } finally {
    pages.close();
    crowd.close();
  }
}

class ReturningCrowd {
  live = 0;
  lastLiveAtUs = 0;
  failure: string | undefined;
  readonly #wire: ResumeWire;
  readonly #load: ResumeLoad;
  readonly #sockets: ReturnType<typeof openLoadSocket>[] = [];
  /** How many messages each has got, and the number of the newest one it was seen to get. */
  readonly #received: Float64Array;
  readonly #newest: Int32Array;
  readonly #isLive: Uint8Array;
  #from = 0;
  #probe = -1;
  #closeProbe: () => void = () => undefined;

  constructor(wire: ResumeWire, load: ResumeLoad) {
    this.#wire = wire;
    this.#load = load;
    this.#received = new Float64Array(load.readers);
    this.#newest = new Int32Array(load.readers).fill(-1);
    this.#isLive = new Uint8Array(load.readers);
  }

  /** The offset of the newest message. Only the publisher writes, so its messages are numbered from 0 as offsets are from 1. */
  get probedOffset(): number {
    return this.#probe + 1;
  }

  async open(): Promise<void> {
    const { readers } = this.#load;
    while (this.#sockets.length < readers) {
      const first = this.#sockets.length;
      const batch = Math.min(openingAtOnce, readers - first);
      await Promise.all(Array.from({ length: batch }, (_, index) => this.#open(first + index)));
    }
  }

  async openProbe(from: Position): Promise<void> {
    const marks = new MarkReader((sequence) => {
      this.#probe = sequence;
    });
    const socket = await this.#connect((_count, bytes, start, end) => marks.push(bytes, start, end));
    this.#closeProbe = () => socket.destroy();
    socket.write(this.#wire.subscribe(from));
    if (!(await becomesTrue(() => this.#probe >= 0, 5_000))) throw new Error("nothing is published in the room");
  }

  subscribeAll(after: Position): void {
    const bytes = this.#wire.subscribe(after);
    this.#from = Number(after.offset);
    for (const socket of this.#sockets) socket.write(bytes);
  }

  close(): void {
    this.#closeProbe();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #open(index: number): Promise<void> {
    this.#sockets.push(
      await this.#connect((count, bytes, start, end) => {
        this.#received[index] = (this.#received[index] ?? 0) + count;
        if (this.#isLive[index]) return;
        this.#newest[index] = lastSequence(bytes, start, end) ?? this.#newest[index] ?? -1;
        // The message that the probe got last may be on its way to this one.
        if ((this.#newest[index] ?? -1) < this.#probe - 1) return;
        this.#isLive[index] = 1;
        this.#checkCount(index);
        this.live += 1;
        this.lastLiveAtUs = nowUs();
      }),
    );
  }

  #checkCount(index: number): void {
    const got = this.#received[index] ?? 0;
    const due = (this.#newest[index] ?? 0) + 1 - this.#from;
    // Of the last one only the beginning may be there.
    if (got !== due && got !== due - 1) this.failure ??= `reader ${index} got ${got} messages where ${due} were due`;
  }

  #connect(payload: (count: number, bytes: Buffer, start: number, end: number) => void) {
    return new Promise<ReturnType<typeof openLoadSocket>>((resolve, reject) => {
      const failed = (reason: string): void => {
        this.failure ??= reason;
        reject(new Error(reason));
      };
      const read = this.#wire.createReader({
        opened: () => resolve(socket),
        failed,
        payload,
        owed: (bytes) => socket.write(bytes),
        granted: () => undefined,
      });
      const socket = openLoadSocket({ port: this.#load.port, greeting: this.#wire.greeting, read, lost: failed });
    });
  }
}

/** The number of the last message whose mark is whole in these bytes. Only the end is looked at: most messages are old. */
function lastSequence(bytes: Buffer, start: number, end: number): number | undefined {
  const latest = end - markLength;
  // A negative place would be one counted from the buffer's end, where there are other readers' bytes.
  const at = latest < start ? -1 : bytes.lastIndexOf(marker, latest);
  return at < start ? undefined : Number(bytes.toString("latin1", at + marker.length, at + marker.length + 8));
}
