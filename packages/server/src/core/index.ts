export { type Block, blockOf, countIn, entriesOf, type LogEntry, messageEnd } from "./blocks.js";
export type { MessageChanging } from "./changing.js";
export { deletionFrom, deletionText } from "./deletions.js";
export { Deliveries } from "./deliveries.js";
export { foldedPage } from "./folding.js";
export { type HistoryBounds, type HistoryPage, type HistoryRequest, readHistory, readsForward } from "./history.js";
export { Hub, type HubDeps, type Subscribed, type SubscribeRequest } from "./hub.js";
export { boundedLineage, type EarlierEpoch, type Lineage, maxEarlierEpochs, offsetHere } from "./lineage.js";
export { type ClockLog, LogClock, type LogTime } from "./log-clock.js";
export { LogSize } from "./log-size.js";
export { maxNodeAnswerBytes, nodeAnswerTimeoutMs, nodesOf } from "./nodes.js";
export type {
  Appended,
  BegunDeletion,
  ChangeCounts,
  Clock,
  DeletionNotes,
  Engine,
  Eventually,
  Ids,
  LogPage,
  MarkedRoom,
  Member,
  MemberCounts,
  MemberDirectory,
  MovedMark,
  NewEntry,
  NodeAnswerer,
  NodeAnswers,
  Nodes,
  OccupancyListener,
  Outbox,
  OutboxListener,
  PresenceChange,
  ReadableLog,
  ReadMark,
  ReadMarks,
  Revocation,
  RevocationChange,
  RevocationLog,
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
