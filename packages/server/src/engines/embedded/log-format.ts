/** What a new log has. */
export const firstFormat = 1;

/**
 * Raised with every change of the layout that an older program would misread.
 *
 *   2  a room has gone away: rooms have numbers with gaps, and some have another epoch than the log (new-rooms.ts)
 */
export const formatVersion = 2;
