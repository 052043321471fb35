import { appendingSuite } from "./appending.js";
import { batchesSuite } from "./batches.js";
import { busSuite } from "./bus.js";
import { changingSuite } from "./changing.js";
import { clocksSuite } from "./clocks.js";
import { closingSuite } from "./closing.js";
import { deletionsSuite } from "./deletions.js";
import { erasingSuite } from "./erasing.js";
import { filteringSuite } from "./filtering.js";
import { membersSuite } from "./members.js";
import { nodesSuite } from "./nodes.js";
import { outboxSuite } from "./outbox.js";
import { readMarksSuite } from "./read-marks.js";
import { readingSuite } from "./reading.js";
import { removingSuite } from "./removing.js";
import { retentionSuite } from "./retention.js";
import { revocationsSuite } from "./revocations.js";
import { roomBoundsSuite } from "./room-bounds.js";
import { roomWatchesSuite } from "./room-watches.js";
import { roomsSuite } from "./rooms.js";
import { definer, type EngineSkips, type OpenEngine } from "./setup.js";

export { type EngineOptions, type EngineSkips, type EngineUnderTest, ManualClock, type OpenEngine } from "./setup.js";

/**
 * What every engine must do, as tests: the ports of core/ports.ts by example. A new engine calls this from its test file;
 * `skips` names what it is without, and why.
 */
export function engineSuite(name: string, open: OpenEngine, skips: EngineSkips = {}): void {
  const define = definer(name, open, skips);
  appendingSuite(define);
  batchesSuite(define);
  readingSuite(define);
  erasingSuite(define);
  changingSuite(define);
  deletionsSuite(define);
  filteringSuite(define);
  removingSuite(define);
  retentionSuite(define);
  roomBoundsSuite(define);
  roomsSuite(define);
  clocksSuite(define);
  busSuite(define);
  roomWatchesSuite(define);
  membersSuite(define);
  revocationsSuite(define);
  nodesSuite(define);
  outboxSuite(define);
  readMarksSuite(define);
  closingSuite(define);
}
