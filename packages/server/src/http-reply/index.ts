export { errorJson, respondError } from "./error-reply.js";
export { replyJson } from "./json-reply.js";
