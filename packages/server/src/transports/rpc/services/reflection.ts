import type { DescFile, DescService } from "@bufbuild/protobuf";
import { create, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { confabErrorFrom, grpcStatus, type PayloadTypes } from "@confab/contract";
import {
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from "@confab/contract/gen/grpc/reflection/v1/reflection_pb";
import { decodeMessage, encodeMessage } from "../../../service/index.js";
import { cost, spendParsed } from "../../../work/index.js";
import type { Call, CallHandler, Method } from "../method.js";
import { DescriptorIndex, withDependencies } from "./descriptor-index.js";

type Answer = ServerReflectionResponse["messageResponse"];

/** An answer of files, each of which was encoded before. */
interface FilesAnswer {
  readonly case: "files";
  readonly value: readonly DescFile[];
}

/**
 * grpc.reflection (grpc/doc/server-reflection.md). Version v1alpha has the same messages under another name, so the one
 * method serves both.
 */
export function reflectionMethod(services: readonly DescService[], types: PayloadTypes): Method {
  const index = new DescriptorIndex(services, types.registry);
  return { kind: "bidi", open: (call) => new Reflection(call, index, types) };
}

class Reflection implements CallHandler {
  constructor(
    private readonly call: Call,
    private readonly index: DescriptorIndex,
    private readonly types: PayloadTypes,
  ) {
    call.start();
  }

  message(bytes: Uint8Array): void {
    const { call, types } = this;
    spendParsed(call.caller.share, call.format, bytes.length);
    const request = decodeMessage(ServerReflectionRequestSchema, call.format, bytes, types);
    const reply = this.encoded(request, this.answer(request));
    // It has 100 KB, for a request of 50 bytes.
    call.caller.share.spend((reply.length * cost.parsedKib.proto) / 1_024);
    // A client that asks and never reads is stopped by flow control instead of filling our heap.
    if (!call.send(reply)) call.pause();
  }

  halfClosed(): void {
    this.call.finish();
  }

  drained(): void {
    this.call.resume();
  }

  private encoded(request: ServerReflectionRequest, answer: Answer | FilesAnswer): Uint8Array {
    const { call, types } = this;
    const encode = (messageResponse?: Answer) => {
      const known = { validHost: request.host, originalRequest: request };
      const response = create(ServerReflectionResponseSchema, {
        ...known,
        ...(messageResponse && { messageResponse }),
      });
      return encodeMessage(ServerReflectionResponseSchema, call.format, response, types);
    };
    if (answer.case !== "files") return encode(answer);
    const files = answer.value.map(encodedFile);
    if (call.format === "proto") return encode(fileDescriptors(files.map(({ bytes }) => bytes)));
    // The generated code takes milliseconds for this much base64. The object in front is never empty: it has the request.
    const head = Buffer.from(encode()).toString("utf8").slice(0, -1);
    const texts = files.map(({ base64 }) => `"${base64}"`).join(",");
    return Buffer.from(`${head},"fileDescriptorResponse":{"fileDescriptorProto":[${texts}]}}`);
  }

  private answer({ messageRequest: asked }: ServerReflectionRequest): Answer | FilesAnswer {
    switch (asked.case) {
      case "listServices":
        return {
          case: "listServicesResponse",
          value: { $typeName: "grpc.reflection.v1.ListServiceResponse", service: this.index.serviceNames() },
        };
      case "fileByFilename":
        return filesAnswer(this.index.fileNamed(asked.value), asked.value);
      case "fileContainingSymbol":
        return filesAnswer(this.index.fileWith(asked.value), asked.value);
      case "fileContainingExtension":
        return filesAnswer(
          this.index.fileWithExtension(asked.value.containingType, asked.value.extensionNumber),
          asked.value.containingType,
        );
      case "allExtensionNumbersOfType":
        return {
          case: "allExtensionNumbersResponse",
          value: {
            $typeName: "grpc.reflection.v1.ExtensionNumberResponse",
            baseTypeName: asked.value,
            extensionNumber: this.index.extensionNumbers(asked.value),
          },
        };
      case undefined:
        return errorAnswer(grpcStatus.INVALID_ARGUMENT, "the request asks nothing");
      default:
        asked satisfies never;
        throw confabErrorFrom(asked);
    }
  }
}

interface EncodedFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly base64: string;
}

/** Files as they are sent; there are as many as the contract has, and each is asked for again and again. */
const encodedFiles = new WeakMap<DescFile, EncodedFile>();

function encodedFile(file: DescFile): EncodedFile {
  const known = encodedFiles.get(file);
  if (known) return known;
  const bytes = toBinary(FileDescriptorProtoSchema, file.proto);
  const encoded = { bytes, base64: Buffer.from(bytes).toString("base64") };
  encodedFiles.set(file, encoded);
  return encoded;
}

function filesAnswer(file: DescFile | undefined, asked: string): Answer | FilesAnswer {
  if (!file) return errorAnswer(grpcStatus.NOT_FOUND, `${asked} is not known here`);
  return { case: "files", value: [...withDependencies(file)] };
}

function fileDescriptors(fileDescriptorProto: Uint8Array<ArrayBuffer>[]): Answer {
  return {
    case: "fileDescriptorResponse",
    value: { $typeName: "grpc.reflection.v1.FileDescriptorResponse", fileDescriptorProto },
  };
}

function errorAnswer(errorCode: number, errorMessage: string): Answer {
  return { case: "errorResponse", value: { $typeName: "grpc.reflection.v1.ErrorResponse", errorCode, errorMessage } };
}
