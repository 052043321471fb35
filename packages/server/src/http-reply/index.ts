export { errorJson, respondError } from "./error-reply.js";
export { replyJson, replyStatic, type StaticDocument, staticDocument, staticJson } from "./json-reply.js";
