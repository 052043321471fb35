import { type Link, type Platform, webPlatform } from "@confab/client";
import { inTime } from "./deadline.js";
import { Echoes } from "./echoes.js";
import { spreadOf } from "./statistics.js";
import { WireMeter } from "./wire-meter.js";

/** What one message costs, in bytes: of whole WebSocket frames, or of bodies of requests and responses. */
export interface MessageBytes {
  /** From the sender. */
  readonly sentBytes: number;
  /** Back to the sender: the acknowledgement. */
  readonly acknowledgedBytes: number;
  /** To a reader. */
  readonly heardBytes: number;
}

export interface ByteCountPlan {
  readonly room: string;
  readonly user: string;
  readonly text: string;
}

export interface ByteCountDeps {
  openLink(platform: Platform): Link;
  readonly nextId: () => string;
}

/** Positions and times of day are not equally long in all messages; the middle one of some is shown. */
const countedMessages = 5;

const patienceMs = 10_000;

/**
 * Count the bytes of a message. One link sends and another listens, so that no byte is taken for another one's, and each
 * message is waited for, so that no two share a frame.
 *
 * @throws ConfabError, LateError: the transport did not do the job.
 */
export async function countMessageBytes(
  { room, user, text }: ByteCountPlan,
  { openLink, nextId }: ByteCountDeps,
): Promise<{ readonly bytes: MessageBytes; readonly postUrl: string | undefined }> {
  const [speakerMeter, readerMeter] = [new WireMeter(), new WireMeter()];
  const speaker = openLink(speakerMeter.metered(webPlatform));
  const reader = openLink(readerMeter.metered(webPlatform));
  const reading = new AbortController();
  const echoes = new Echoes(() => 0);
  const counts: MessageBytes[] = [];
  try {
    const listening = await inTime(reader.listen({ room }, { signal: reading.signal }), patienceMs, "the room");
    void echoes.read(listening);
    // The first one opens the connection, and the welcome on it is no message's.
    for (let count = 0; count <= countedMessages; count += 1) {
      const [speakerBefore, readerBefore] = [speakerMeter.count, readerMeter.count];
      const id = nextId();
      const heard = Promise.race([echoes.heard(id), echoes.failed]);
      await inTime(Promise.all([speaker.send({ room, user, text, id }), heard]), patienceMs, "a message");
      if (count === 0) continue;
      counts.push({
        sentBytes: speakerMeter.count.out - speakerBefore.out,
        acknowledgedBytes: speakerMeter.count.in - speakerBefore.in,
        heardBytes: readerMeter.count.in - readerBefore.in,
      });
    }
  } finally {
    reading.abort();
    reader.close();
    speaker.close();
  }
  const middle = (name: keyof MessageBytes) => spreadOf(counts.map((count) => count[name]))?.median ?? 0;
  return {
    bytes: {
      sentBytes: middle("sentBytes"),
      acknowledgedBytes: middle("acknowledgedBytes"),
      heardBytes: middle("heardBytes"),
    },
    postUrl: speakerMeter.lastPostUrl,
  };
}
