import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { create, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { grpcStatus } from "@confab/contract";
import {
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from "@confab/contract/gen/grpc/reflection/v1/reflection_pb";
import { decodeMessage, encodeMessage, FrameSessions, unrestricted, type WireFormat } from "../../../service/index.js";
import { testCaller } from "../../../testing/test-caller.js";
import { testService } from "../../../testing/test-service.js";
import type { Call } from "../method.js";
import { serverMethods } from "../methods.js";
import { Readiness } from "./health.js";

// grpc/doc/server-reflection.md, on the methods as every protocol calls them.

const { service } = testService();
const sessions = new FrameSessions({
  service,
  serverVersion: "test",
  dedupeWindowMs: 60_000,
  newConnectionId: () => "1",
  principalBy: () => unrestricted,
  onAbuse: () => undefined,
  report: (error) => assert.fail(String(error)),
});
const methods = serverMethods(service, sessions, new Readiness());
const versions = ["v1", "v1alpha"] as const;
const noBytes = new Uint8Array(0);
/** What was sent as bytes that other calls send too. */
const sharedBytes = new Set<Uint8Array>();

/** The answer to one question, over the method of one version of the service. */
function answerTo(
  version: (typeof versions)[number],
  messageRequest: ServerReflectionRequest["messageRequest"],
  format: WireFormat = "proto",
): ServerReflectionResponse["messageResponse"] {
  const method = methods.get(`/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`);
  assert.ok(method?.kind === "bidi");
  const sent: Uint8Array[] = [];
  const call: Pick<Call, "format" | "caller" | "start" | "send" | "finish"> = {
    format,
    caller: testCaller(),
    start: () => undefined,
    send: (message, shared = noBytes) => {
      if (shared !== noBytes) sharedBytes.add(shared);
      return sent.push(new Uint8Array(Buffer.concat([message, shared]))) > 0;
    },
    finish: () => undefined,
  };
  const handler = method.open(call as Call);
  const request = create(ServerReflectionRequestSchema, { messageRequest });
  handler.message(encodeMessage(ServerReflectionRequestSchema, format, request, service.deps.types));
  handler.halfClosed?.();
  const [only] = sent;
  assert.ok(only && sent.length === 1);
  const response = decodeMessage(ServerReflectionResponseSchema, format, only, service.deps.types);
  assert.deepEqual(response.originalRequest, request);
  return response.messageResponse;
}

/** The name of the file that an answer holds first; the code of an error. */
function outcomeOf(answer: ServerReflectionResponse["messageResponse"]): string | number | undefined {
  if (answer.case === "errorResponse") return answer.value.errorCode;
  assert.ok(answer.case === "fileDescriptorResponse");
  return fileNames(answer)[0];
}

function fileNames(answer: ServerReflectionResponse["messageResponse"]): string[] {
  assert.ok(answer.case === "fileDescriptorResponse");
  return answer.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name);
}

const symbols: readonly (readonly [symbol: string, file: string])[] = [
  ["confab.v1.ChatService", "confab/v1/chat_service.proto"],
  ["confab.v1.ChatService.SendMessage", "confab/v1/chat_service.proto"],
  ["ChatService", "chat.proto"],
  ["ChatService.StreamMessages", "chat.proto"],
  ["confab.v1.ChatMessage", "confab/v1/message.proto"],
  ["confab.v1.ChatMessage.sent_at", "confab/v1/message.proto"],
  ["confab.v1.ClientFrame.frame", "confab/v1/frame.proto"],
  ["confab.v1.user_name", "confab/v1/rules.proto"],
  ["confab.v1.emoji", "confab/v1/rules.proto"],
  ["google.rpc.BadRequest.FieldViolation", "google/rpc/error_details.proto"],
  ["google.rpc.BadRequest.FieldViolation.field", "google/rpc/error_details.proto"],
  ["grpc.health.v1.HealthCheckResponse.ServingStatus", "grpc/health/v1/health.proto"],
  ["grpc.health.v1.HealthCheckResponse.SERVING", "grpc/health/v1/health.proto"],
  ["google.protobuf.StringValue", "google/protobuf/wrappers.proto"],
];

const unknown = [
  "",
  "confab.v1",
  "confab.v1.Nope",
  "confab.v1.ChatMessage.nope",
  "confab.v1.ChatMessage.user.nope",
  "confab.v1.ChatService.Nope",
  "ChatService.Nope",
  "ChatMessage",
  "grpc.health.v1.HealthCheckResponse.ServingStatus.SERVING",
  "grpc.health.v1.HealthCheckResponse.NOPE",
];

for (const version of versions) {
  describe(`reflection ${version}`, () => {
    it("lists every service that answers, also ChatService without its package", () => {
      const answer = answerTo(version, { case: "listServices", value: "*" });
      assert.ok(answer.case === "listServicesResponse");
      const names = answer.value.service.map(({ name }) => name).sort();
      const answering = new Set([...methods.keys()].map((path) => path.slice(1, path.lastIndexOf("/"))));
      assert.deepEqual(names, [...answering].sort());
      assert.ok(names.includes("ChatService"));
    });

    it("finds the file of each kind of symbol", () => {
      const found = symbols.map(([symbol]) => [
        symbol,
        outcomeOf(answerTo(version, { case: "fileContainingSymbol", value: symbol })),
      ]);
      assert.deepEqual(found, symbols);
    });

    // A thousand calls on one connection may each have an unread reply of 78 KB.
    it("says the same in JSON, and sends the same bytes to all who ask for a file", () => {
      sharedBytes.clear();
      for (const [, file] of symbols) {
        for (const times of [1, 2]) {
          const question = { case: "fileByFilename", value: file } as const;
          assert.deepEqual(answerTo(version, question, "json"), answerTo(version, question), `${file}, ${times}`);
        }
      }
      assert.equal(sharedBytes.size, 2 * new Set(symbols.map(([, file]) => file)).size);
    });

    it("answers NOT_FOUND for a symbol that does not exist, also within one that does", () => {
      for (const symbol of unknown) {
        const answer = answerTo(version, { case: "fileContainingSymbol", value: symbol });
        assert.equal(outcomeOf(answer), grpcStatus.NOT_FOUND, symbol);
      }
    });

    it("gives every file with all that it imports", () => {
      for (const [, file] of symbols) {
        const answer = answerTo(version, { case: "fileByFilename", value: file });
        assert.ok(answer.case === "fileDescriptorResponse");
        const names = fileNames(answer);
        assert.equal(names[0], file);
        for (const bytes of answer.value.fileDescriptorProto) {
          for (const dependency of fromBinary(FileDescriptorProtoSchema, bytes).dependency)
            assert.ok(names.includes(dependency), `${dependency}, for ${file}`);
        }
      }
      const none = answerTo(version, { case: "fileByFilename", value: "confab/v1/nope.proto" });
      assert.equal(outcomeOf(none), grpcStatus.NOT_FOUND);
    });

    it("finds extensions by their number", () => {
      const containingType = "buf.validate.StringRules";
      const numbers = answerTo(version, { case: "allExtensionNumbersOfType", value: containingType });
      assert.ok(numbers.case === "allExtensionNumbersResponse");
      assert.deepEqual(numbers.value.extensionNumber, [100_001, 100_002]);
      const at = (extensionNumber: number) =>
        outcomeOf(
          answerTo(version, {
            case: "fileContainingExtension",
            value: { $typeName: "grpc.reflection.v1.ExtensionRequest", containingType, extensionNumber },
          }),
        );
      for (const known of [100_001, 100_002]) assert.equal(at(known), "confab/v1/rules.proto");
      assert.equal(at(100_003), grpcStatus.NOT_FOUND);
    });
  });
}
