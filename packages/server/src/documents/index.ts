export { type AsyncApiOptions, asyncApiDocument } from "./asyncapi.js";
export { type OpenApiOptions, openApiDocument } from "./openapi.js";
