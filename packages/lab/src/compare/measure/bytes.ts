import type { ByteParts, ClientWire } from "../client/wire.js";
import { type Relay, type RelayCounts, startRelay } from "../relay/relay.js";
import { median } from "../statistics/samples.js";
import { until, untilQuiet } from "./waiting.js";

/** Bytes of one step on a connection, counted at the socket, and what they were. All are whole numbers of bytes. */
export interface WireBytes {
  readonly upBytes: number;
  readonly downBytes: number;
  /** Of all of them: HTTP heads, fields, trailers. */
  readonly headBytes: number;
  /** Of all of them: the message, or its acknowledgement, as the codec wrote it. */
  readonly bodyBytes: number;
  /** The rest of what client and server said to each other: frame headers, envelopes, chunk sizes, event lines, window updates. */
  readonly framingBytes: number;
  /** What TLS made of it beyond that: the handshake, and the heads and tags of records. 0 in the clear. */
  readonly tlsBytes: number;
}

export interface ByteFigures {
  /** Connecting and asking for a room, until the server reads it out; with the handshake of TLS, without that of TCP. */
  readonly readerSetUp: WireBytes;
  readonly firstSend: WireBytes;
  readonly steadySend: WireBytes;
  readonly firstReceive: WireBytes;
  readonly steadyReceive: WireBytes;
  /** A message sent as gzip; `undefined` where the transport does not offer it. */
  readonly compressedSend: WireBytes | undefined;
}

export interface ByteJob {
  readonly port: number;
  readonly room: string;
  /** Makes ids unique. */
  readonly tag: string;
  readonly offersCompression: boolean;
}

/** Positions grow by a digit now and then: the middle of so many messages is the one to tell. */
const steadyMessages = 7;

/** Count the bytes of setting up, sending and receiving, one message at a time. */
export async function measureBytes(wire: ClientWire, job: ByteJob): Promise<ByteFigures> {
  const readerRelay = await startRelay({ port: job.port });
  const senderRelay = await startRelay({ port: job.port });
  const packedRelay = await startRelay({ port: job.port });
  const closers: (() => void)[] = [];
  try {
    let received = 0;
    let acknowledged = 0;
    let isReady = false;
    let failure: string | undefined;
    const failed = (reason: string): void => {
      failure ??= reason;
    };
    const done = (isDone: () => boolean) => (): boolean => {
      if (failure !== undefined) throw new Error(failure);
      return isDone();
    };
    const reader = wire.openReader({
      port: readerRelay.port,
      rooms: [job.room],
      history: 0,
      ready: () => {
        isReady = true;
      },
      messages: (ids) => {
        received += ids.length;
      },
      failed,
    });
    closers.push(() => reader.close());
    await until(
      "the start of a reading",
      done(() => isReady),
    );
    const readerMeter = new Meter(readerRelay, reader);
    const readerSetUp = await readerMeter.lap();

    const measureSender = async (relay: Relay, isCompressed: boolean, messages: number) => {
      const acknowledges = (): void => {
        acknowledged += 1;
      };
      const sender = wire.createSender({
        port: relay.port,
        room: job.room,
        isCompressed,
        acknowledged: acknowledges,
        failed,
      });
      closers.push(() => sender.close());
      await sender.open();
      const meter = new Meter(relay, sender);
      await meter.lap();
      const laps: { readonly send: WireBytes; readonly receive: WireBytes }[] = [];
      for (let index = 0; index < messages; index += 1) {
        const [before, acksBefore] = [received, acknowledged];
        sender.send(`${job.tag}-${isCompressed ? "z" : "p"}${index}`);
        await until(
          "a message",
          done(() => received > before && (!sender.acknowledges || acknowledged > acksBefore)),
        );
        const [send, receive] = await Promise.all([meter.lap(), readerMeter.lap()]);
        laps.push({ send, receive });
      }
      return laps;
    };

    const [first, ...steady] = await measureSender(senderRelay, false, 1 + steadyMessages);
    if (first === undefined) throw new Error("nothing was sent");
    const packed = job.offersCompression ? await measureSender(packedRelay, true, 1 + steadyMessages) : [];
    return {
      readerSetUp,
      firstSend: first.send,
      steadySend: medianBytes(steady.map((lap) => lap.send)),
      firstReceive: first.receive,
      steadyReceive: medianBytes(steady.map((lap) => lap.receive)),
      compressedSend: packed.length === 0 ? undefined : medianBytes(packed.slice(1).map((lap) => lap.send)),
    };
  } finally {
    for (const close of closers) close();
    await Promise.all([readerRelay.close(), senderRelay.close(), packedRelay.close()]);
  }
}

/** Tells what passed since the last lap, once nothing passes any more. */
class Meter {
  #relayed: RelayCounts = { upBytes: 0, downBytes: 0, connections: 0 };
  #parts: ByteParts = { bodyBytesIn: 0, bodyBytesOut: 0, headBytesIn: 0, headBytesOut: 0, clearBytes: 0 };

  constructor(
    private readonly relay: Relay,
    private readonly client: ByteParts,
  ) {}

  async lap(): Promise<WireBytes> {
    const total = (): number => this.relay.counts().upBytes + this.relay.counts().downBytes;
    await untilQuiet(total);
    const [before, relayed] = [this.#relayed, this.relay.counts()];
    const { bodyBytesIn, bodyBytesOut, headBytesIn, headBytesOut, clearBytes } = this.client;
    const parts = { bodyBytesIn, bodyBytesOut, headBytesIn, headBytesOut, clearBytes };
    const upBytes = relayed.upBytes - before.upBytes;
    const downBytes = relayed.downBytes - before.downBytes;
    const headBytes = headBytesIn + headBytesOut - this.#parts.headBytesIn - this.#parts.headBytesOut;
    const bodyBytes = bodyBytesIn + bodyBytesOut - this.#parts.bodyBytesIn - this.#parts.bodyBytesOut;
    const clear = clearBytes - this.#parts.clearBytes;
    this.#relayed = relayed;
    this.#parts = parts;
    const framingBytes = clear - headBytes - bodyBytes;
    return { upBytes, downBytes, headBytes, bodyBytes, framingBytes, tlsBytes: upBytes + downBytes - clear };
  }
}

function medianBytes(laps: readonly WireBytes[]): WireBytes {
  const byTotal = laps.toSorted((a, b) => a.upBytes + a.downBytes - b.upBytes - b.downBytes);
  const middle = median(laps.map((lap) => lap.upBytes + lap.downBytes));
  const lap = byTotal.find((each) => each.upBytes + each.downBytes >= middle) ?? byTotal[0];
  if (lap === undefined) throw new Error("no messages were counted");
  return lap;
}
