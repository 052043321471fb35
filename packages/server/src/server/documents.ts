import { Worker } from "node:worker_threads";
import type { StaticDocument } from "../http-reply/index.js";
import { serverVersion } from "./version.js";

/** What is made in the thread, and what it is given. */
export interface Documents {
  readonly openApi: StaticDocument;
  readonly asyncApi: StaticDocument;
  /** The contract as one file for compilers. */
  readonly proto: StaticDocument;
  /** A `google.protobuf.FileDescriptorSet` of the contract and the payload types. */
  readonly descriptors: StaticDocument;
}

export interface DocumentOptions {
  readonly version: string;
  readonly isTls: boolean;
  /** Payload types: an encoded `google.protobuf.FileDescriptorSet`. */
  readonly types: Uint8Array | undefined;
}

/**
 * The contract in the languages of other tools. Few servers are asked for it, and making it takes as long as a start, so it is
 * made with the first request, once, and in a thread, where no other request waits for it.
 */
export class ContractDocuments {
  private made: Promise<Documents> | undefined;

  constructor(private readonly options: Omit<DocumentOptions, "version">) {}

  /** @throws Error: the thread ended early. The next call starts another one. */
  get(): Promise<Documents> {
    this.made ??= inThread({ version: serverVersion, ...this.options }).catch((thrown: unknown) => {
      this.made = undefined;
      throw thrown;
    });
    return this.made;
  }
}

function inThread(options: DocumentOptions): Promise<Documents> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(new URL("./document-thread.js", import.meta.url), { workerData: options });
    thread.once("message", resolve);
    thread.once("error", reject);
    thread.once("exit", (code) => reject(new Error(`the thread that makes the documents ended with ${code}`)));
    thread.unref();
  });
}
