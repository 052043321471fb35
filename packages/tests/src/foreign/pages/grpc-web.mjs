// The stock grpc-web client on a page. Messages are bytes here, as base64: the test makes and reads them.
import { GrpcWebClientBase, MethodDescriptor, MethodType } from "./grpc-web-client.mjs";

const encode = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
const decode = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));

function descriptor(path, type) {
  return new MethodDescriptor(path, type, String, String, encode, decode);
}

function shown(error) {
  return { code: error.code, details: error.metadata?.["grpc-status-details-bin"] };
}

globalThis.unary = async (url, format, path, request, metadata = {}) => {
  const client = new GrpcWebClientBase({ format });
  try {
    const method = descriptor(path, MethodType.UNARY);
    return { code: 0, reply: await client.unaryCall(url + path, request, metadata, method) };
  } catch (error) {
    return shown(error);
  }
};

/** One stream per page. `nextMessages` and `streamEnd` tell of it. */
let stream;
const heard = [];
let wake = () => undefined;
let end;

globalThis.openStream = (url, path, request, metadata = {}) => {
  const client = new GrpcWebClientBase({ format: "text" });
  stream = client.serverStreaming(url + path, request, metadata, descriptor(path, MethodType.SERVER_STREAMING));
  stream.on("data", (message) => {
    heard.push(message);
    wake();
  });
  // This client tells of the response's headers only when the response is over.
  const headers = new Promise((resolve) => stream.on("metadata", resolve));
  end = new Promise((resolve) => {
    const over = async (outcome) => resolve({ ...outcome, headers: await headers });
    stream.on("error", (error) => over(shown(error)));
    stream.on("end", () => over({ code: 0 }));
  });
};

globalThis.nextMessages = async (count) => {
  while (heard.length < count) {
    await new Promise((resolve) => {
      wake = resolve;
    });
  }
  return heard.splice(0, count);
};

globalThis.cancelStream = () => stream.cancel();
globalThis.streamEnd = () => end;
