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

/** The answer is this file, with all that it needs. */
function isFile(answer: Answer | DescFile): answer is DescFile {
  return "kind" in answer;
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
    const answer = this.answer(request);
    const [reply, shared] = this.encoded(request, answer);
    // It has 100 KB, for a request of 50 bytes.
    call.caller.share.spend(((reply.length + (shared?.length ?? 0)) * cost.parsedKib.proto) / 1_024);
    // A client that asks and never reads is stopped by flow control instead of filling our heap.
    if (!call.send(reply, shared)) call.pause();
  }

  halfClosed(): void {
    this.call.finish();
  }

  drained(): void {
    this.call.resume();
  }

  /** A reply, and the rest of it that is the same for all who ask for these files. */
  private encoded(request: ServerReflectionRequest, answer: Answer | DescFile): readonly [Uint8Array, Uint8Array?] {
    const { call, types } = this;
    const encode = (messageResponse?: Answer) => {
      const known = { validHost: request.host, originalRequest: request };
      const response = create(ServerReflectionResponseSchema, {
        ...known,
        ...(messageResponse && { messageResponse }),
      });
      return encodeMessage(ServerReflectionResponseSchema, call.format, response, types);
    };
    if (!isFile(answer)) return [encode(answer)];
    const head = encode();
    const { proto, json } = encodedFiles(answer);
    // Fields of a message may come in any order. The object is never empty: it has the request.
    return call.format === "proto" ? [head, proto] : [head.subarray(0, -1), json];
  }

  private answer({ messageRequest: asked }: ServerReflectionRequest): Answer | DescFile {
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

/** The field of a response that has a file and all that it needs, in Protobuf; in JSON, with the end of the object. */
interface EncodedFiles {
  readonly proto: Uint8Array;
  readonly json: Uint8Array;
}

/** As they are sent: there are as many as the contract has files, and each is asked for again and again. */
const knownFiles = new WeakMap<DescFile, EncodedFiles>();

function encodedFiles(file: DescFile): EncodedFiles {
  const known = knownFiles.get(file);
  if (known) return known;
  const files = [...withDependencies(file)].map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto));
  const field = create(ServerReflectionResponseSchema, {
    messageResponse: {
      case: "fileDescriptorResponse",
      value: { $typeName: "grpc.reflection.v1.FileDescriptorResponse", fileDescriptorProto: files },
    },
  });
  const texts = files.map((bytes) => `"${Buffer.from(bytes).toString("base64")}"`).join(",");
  const encoded = {
    proto: toBinary(ServerReflectionResponseSchema, field),
    json: Buffer.from(`,"fileDescriptorResponse":{"fileDescriptorProto":[${texts}]}}`),
  };
  knownFiles.set(file, encoded);
  return encoded;
}

function filesAnswer(file: DescFile | undefined, asked: string): Answer | DescFile {
  return file ?? errorAnswer(grpcStatus.NOT_FOUND, `${asked} is not known here`);
}

function errorAnswer(errorCode: number, errorMessage: string): Answer {
  return { case: "errorResponse", value: { $typeName: "grpc.reflection.v1.ErrorResponse", errorCode, errorMessage } };
}
