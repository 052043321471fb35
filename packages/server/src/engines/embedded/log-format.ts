/**
 * Raised with every change of the layout that an older program would misread.
 *
 *   1  a key for each message
 *   2  a room has gone away: rooms have numbers with gaps, and some have another epoch than the log (new-rooms.ts)
 *   3  messages in blocks (block-table.ts)
 *   4  each room has an epoch, and may have had others before (room-epochs.ts)
 *
 * A log of an earlier format is converted when it is opened (convert-log.ts).
 */
export const formatVersion = 4;
