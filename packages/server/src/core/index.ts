export { type Block, blockOf, countIn, entriesOf, type LogEntry, messageEnd } from "./blocks.js";
export type { MessageChanging } from "./changing.js";
export { deletionFrom, deletionText } from "./deletions.js";
export { Deliveries } from "./deliveries.js";
export type { Engine } from "./engine.js";
export { foldedPage } from "./folding.js";
export { type HistoryBounds, type HistoryPage, type HistoryRequest, readHistory, readsForward } from "./history.js";
export { Hub, type HubDeps, type Subscribed, type SubscribeRequest } from "./hub.js";
export { boundedLineage, type EarlierEpoch, type Lineage, maxEarlierEpochs, offsetHere } from "./lineage.js";
export { type ClockLog, LogClock, type LogTime } from "./log-clock.js";
export { LogSize } from "./log-size.js";
export { maxNodeAnswerBytes, nodeAnswerTimeoutMs, nodesOf } from "./nodes.js";
export type {
  Appended,
  Clock,
  Eventually,
  Ids,
  LogPage,
  Member,
  MemberCounts,
  MemberDirectory,
  NewEntry,
  NodeAnswerer,
  NodeAnswers,
  Nodes,
  OccupancyListener,
  PresenceChange,
  ReadableLog,
  RoomBus,
  RoomListener,
  RoomLog,
  RoomState,
  RoomSummary,
  Signal,
  Turns,
} from "./ports.js";
export { maxErasedTogether } from "./ports.js";
export { outOfRange, unexpectedPosition } from "./range.js";
export type { ListedMark } from "./read-marking.js";
export type {
  BegunDeletion,
  ChangeCounts,
  DeletionNotes,
  MarkedRoom,
  MovedMark,
  Outbox,
  OutboxListener,
  ReadMark,
  ReadMarks,
  Revocation,
  RevocationChange,
  RevocationLog,
} from "./record-ports.js";
export {
  type KeptBounds,
  narrowest,
  numbersOf,
  type Retention,
  type RoomRetention,
  retentionFrom,
  sameForAll,
} from "./retention.js";
export { isOver, joinedRevocation, KnownRevocations, revocationKey } from "./revocation-set.js";
export { type RoomId, roomIdFrom } from "./room-id.js";
export { RoomTurns } from "./room-turns.js";
export { type RoomFound, RoomWatchers } from "./room-watchers.js";
export { type OffsetRange, type PageBounds, Run, runBackward, runForward } from "./run.js";
export { type ScanningShare, unitsOfRewriting } from "./scanning-share.js";
export type { Encoding, EventEncoding, EventSink, Sink, Subscription } from "./subscription.js";
export type { ErasedUser, ErasurePlace } from "./user-erasure.js";
