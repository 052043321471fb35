import { clone, createFileRegistry, type DescService } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { ConfabError } from "@confab/contract";
import { AdminService } from "@confab/contract/gen/confab/v1/admin_service_pb";
import { ChatService as ChatServiceDesc } from "@confab/contract/gen/confab/v1/chat_service_pb";
import { Health } from "@confab/contract/gen/grpc/health/v1/health_pb";
import { ServerReflection } from "@confab/contract/gen/grpc/reflection/v1/reflection_pb";
import { ServerReflection as ServerReflectionAlpha } from "@confab/contract/gen/grpc/reflection/v1alpha/reflection_pb";
import type { ChatService, FrameSessions, UnaryName } from "../../service/index.js";
import { converse } from "./converse.js";
import type { Method, Methods } from "./method.js";
import { healthMethods, type Readiness } from "./services/health.js";
import { reflectionMethod } from "./services/reflection.js";
import { streamMessages } from "./stream-messages.js";

/** The RPCs with streams: one that has no entry below does not compile. */
type StreamName = Exclude<keyof typeof ChatServiceDesc.method, UnaryName<typeof ChatServiceDesc>>;

/** The contract's service, by path. It also answers without its package, as the tutorials' clients call it. */
function chatMethods(service: ChatService, sessions: FrameSessions): Methods {
  const methods = new Map<string, Method>();
  const chat = new Map(unaryMethodsOf(ChatServiceDesc, service));
  const streams: Readonly<Record<StreamName, Method>> = {
    streamMessages: streamMessages(service),
    converse: converse(service, sessions),
  };
  for (const name of Object.keys(streams) as StreamName[]) chat.set(ChatServiceDesc.method[name].name, streams[name]);
  for (const [name, method] of chat) {
    methods.set(`/${ChatServiceDesc.typeName}/${name}`, method);
    methods.set(`/${ChatServiceDesc.name}/${name}`, method);
  }
  return methods;
}

function unaryMethodsOf({ methods }: DescService, service: ChatService): [string, Method][] {
  return methods.flatMap((rpc) => {
    const unary = service.unary.get(rpc);
    if (!unary) return [];
    const { call, hasNoSideEffects } = unary;
    const run: Extract<Method, { kind: "unary" }>["call"] = (format, request, { caller }) =>
      call(format, request, caller);
    return [[rpc.name, { kind: "unary", call: run, hasNoSideEffects }] satisfies [string, Method]];
  });
}

/** Every RPC of this server, by path: the contract's, health and reflection. */
export function serverMethods(service: ChatService, sessions: FrameSessions, readiness: Readiness): Methods {
  const { types } = service.deps;
  const methods = new Map(chatMethods(service, sessions));
  for (const [name, method] of unaryMethodsOf(AdminService, service))
    methods.set(`/${AdminService.typeName}/${name}`, method);
  for (const [name, method] of healthMethods(readiness, types)) methods.set(`/${Health.typeName}/${name}`, method);
  const chat = [ChatServiceDesc, withoutPackage(ChatServiceDesc)];
  const reflected = [...chat, AdminService, Health, ServerReflection, ServerReflectionAlpha];
  const reflection = reflectionMethod(reflected, types);
  methods.set(`/${ServerReflection.typeName}/ServerReflectionInfo`, reflection);
  methods.set(`/${ServerReflectionAlpha.typeName}/ServerReflectionInfo`, reflection);
  return methods;
}

/** An RPC that is not among them. */
export function unknownMethod(path: string): ConfabError {
  return new ConfabError("UNKNOWN_METHOD", `no RPC is called ${path}`);
}

/**
 * A service as clients of the tutorials know it: its name without the package, in a file that has none. The messages are the
 * contract's, which have the tutorials' fields and more.
 */
function withoutPackage({ name, file }: DescService): DescService {
  const proto = Object.assign(clone(FileDescriptorProtoSchema, file.proto), { name: "chat.proto", package: "" });
  const registry = createFileRegistry(proto, (path) =>
    file.dependencies.find((dependency) => dependency.proto.name === path),
  );
  const service = registry.getService(name);
  if (!service) throw new Error(`${name} is not in ${file.proto.name}`);
  return service;
}
