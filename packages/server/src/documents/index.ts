export { type AsyncApiOptions, asyncApiDocument } from "./asyncapi.js";
export { descriptorSet } from "./descriptor-set.js";
export { type OpenApiOptions, openApiDocument } from "./openapi.js";
