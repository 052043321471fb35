export { cost, spendParsed } from "./costs.js";
export { FairQueue } from "./fair-queue.js";
export { goOn, inTurn, type PacedInput } from "./paced-input.js";
export type { PartialRequest } from "./partial-requests.js";
export { holdRoom, type ReplyRoom, type ReplyTarget } from "./replies.js";
export type { Share } from "./share.js";
export { processWork, Work, type WorkCounts } from "./work.js";
