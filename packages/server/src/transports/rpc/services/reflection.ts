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
import type { Call, CallHandler, Method } from "../method.js";
import { DescriptorIndex, withDependencies } from "./descriptor-index.js";

type Answer = ServerReflectionResponse["messageResponse"];

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
    const request = decodeMessage(ServerReflectionRequestSchema, call.format, bytes, types);
    const response = create(ServerReflectionResponseSchema, {
      validHost: request.host,
      originalRequest: request,
      messageResponse: this.answer(request),
    });
    // A client that asks and never reads is stopped by flow control instead of filling our heap.
    if (!call.send(encodeMessage(ServerReflectionResponseSchema, call.format, response, types))) call.pause();
  }

  halfClosed(): void {
    this.call.finish();
  }

  drained(): void {
    this.call.resume();
  }

  private answer({ messageRequest: asked }: ServerReflectionRequest): Answer {
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

function filesAnswer(file: DescFile | undefined, asked: string): Answer {
  if (!file) return errorAnswer(grpcStatus.NOT_FOUND, `${asked} is not known here`);
  const fileDescriptorProto = [...withDependencies(file)].map((each) =>
    toBinary(FileDescriptorProtoSchema, each.proto),
  );
  return {
    case: "fileDescriptorResponse",
    value: { $typeName: "grpc.reflection.v1.FileDescriptorResponse", fileDescriptorProto },
  };
}

function errorAnswer(errorCode: number, errorMessage: string): Answer {
  return { case: "errorResponse", value: { $typeName: "grpc.reflection.v1.ErrorResponse", errorCode, errorMessage } };
}
