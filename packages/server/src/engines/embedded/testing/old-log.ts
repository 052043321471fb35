import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { encodeBody } from "@confab/contract";
import { open } from "lmdb";

export interface OldRoom {
  readonly number: number;
  readonly oldest: number;
  /** The messages from `oldest` on, and behind them, at the offsets that follow, what was refused. */
  readonly texts: readonly string[];
  readonly refused?: readonly string[];
}

const epoch = 12_345;

/** A log as versions up to format 2 made it: a key for each message, and no checksums. */
export async function makeOldLog(folder: string, rooms: Readonly<Record<string, OldRoom>>): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const binary = { encoding: "binary", keyEncoding: "binary" } as const;
  const root = open<Buffer, Buffer>({ path: join(folder, "log.mdb"), maxDbs: 8, noSync: true, ...binary });
  const [entries, ids, records, meta] = ["entries", "ids", "rooms", "meta"].map((name) =>
    root.openDB<Buffer, Buffer>({ name, ...binary }),
  );
  if (!entries || !ids || !records || !meta) throw new Error("LMDB opened fewer tables than it was asked for");
  await root.transaction(() => {
    void meta.put(Buffer.from("format"), uint32(2));
    void meta.put(Buffer.from("epoch"), uint32(epoch));
    void meta.put(Buffer.from("rooms"), Buffer.concat([uint32(epoch), uint32(1_000)]));
    for (const [room, { number, oldest, texts, refused = [] }] of Object.entries(rooms)) {
      let bytes = 0;
      for (const [index, text] of [...texts, ...refused].entries()) {
        const body = encodeBody({ user: "ann", text, room, id: text.slice(0, 60), sentAtMs: 1_000 });
        if (index < texts.length) bytes += body.length;
        const key = Buffer.concat([uint32(number), Buffer.alloc(6)]);
        key.writeUIntBE(oldest + index, 4, 6);
        void entries.put(key, Buffer.from(body));
      }
      const record = Buffer.alloc(28);
      record.writeUInt32BE(number, 0);
      for (const [at, value] of [oldest, oldest + texts.length - 1, bytes].entries())
        record.writeDoubleBE(value, 4 + 8 * at);
      void records.put(Buffer.from(room), record);
    }
  });
  await root.close();
}

function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
