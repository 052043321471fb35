// The thread of documents.ts: it makes both documents and ends.
import { parentPort, workerData } from "node:worker_threads";
import { PayloadTypes } from "@confab/contract";
import { asyncApiDocument, openApiDocument } from "../documents/index.js";
import { staticJson } from "../http-reply/index.js";
import type { DocumentOptions, Documents } from "./documents.js";

const { types: descriptors, ...options } = workerData as DocumentOptions;
// Nothing is checked here, so no rule is needed.
const types = descriptors ? PayloadTypes.fromDescriptorSet(descriptors, () => []) : PayloadTypes.none();
const documents: Documents = {
  openApi: staticJson(openApiDocument({ ...options, types })),
  asyncApi: staticJson(asyncApiDocument({ ...options, types })),
};
parentPort?.postMessage(documents);
