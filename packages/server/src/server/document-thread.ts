// The thread of documents.ts: it makes the documents and ends.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import { PayloadTypes } from "@confab/contract";
import { asyncApiDocument, descriptorSet, openApiDocument } from "../documents/index.js";
import { staticDocument, staticJson } from "../http-reply/index.js";
import type { DocumentOptions, Documents } from "./documents.js";

const { types: descriptors, ...options } = workerData as DocumentOptions;
// Nothing is checked here, so no rule is needed.
const types = descriptors ? PayloadTypes.fromDescriptorSet(descriptors, () => []) : PayloadTypes.none();
const proto = readFileSync(fileURLToPath(import.meta.resolve("@confab/contract/confab.proto")));
const documents: Documents = {
  openApi: staticJson(openApiDocument({ ...options, types })),
  asyncApi: staticJson(asyncApiDocument({ ...options, types })),
  proto: staticDocument("text/plain; charset=utf-8", proto),
  descriptors: staticDocument("application/x-protobuf", descriptorSet(types)),
};
parentPort?.postMessage(documents);
