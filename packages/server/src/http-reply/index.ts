export { errorJson, respondError } from "./error-reply.js";
export { replyJson, replyStaticJson, type StaticJson, staticJson } from "./json-reply.js";
