import type { MemberDirectory, Nodes, RoomBus, RoomLog } from "./ports.js";
import type { DeletionNotes, Outbox, ReadMarks, RevocationLog } from "./record-ports.js";

/** Where rooms are kept: one per server. */
export interface Engine {
  readonly log: RoomLog;
  readonly marks: ReadMarks;
  readonly bus: RoomBus;
  readonly members: MemberDirectory;
  readonly revocations: RevocationLog;
  /** Without it a deletion that a crash has cut is finished only by its repetition. */
  readonly deletions?: DeletionNotes | undefined;
  /** Undefined: this node has the engine for itself. */
  readonly nodes?: Nodes | undefined;
  /**
   * How far the receiver of this name is: letters, digits and `-`. To be called once for a name. Without it the engine does nothing for
   * receivers. Only the hook `stored` needs it.
   */
  outbox?(name: string): Outbox;
  /**
   * Free the files of what was erased, deleted or trimmed before, now. Resolves, once that is done, to what others have to do for the
   * same; empty: nothing.
   *
   * @throws ENGINE_UNAVAILABLE: it could not be done, and is tried again by itself. SHUTTING_DOWN
   */
  scrub(): Promise<string>;
  /** Whether sends and reads can be expected to succeed now; undefined when they can, else what is wrong. */
  trouble(): string | undefined;
  /** Finish the appends in progress and release everything. May be called twice. */
  close(): Promise<void>;
}
