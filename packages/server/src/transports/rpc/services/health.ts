import { create } from "@bufbuild/protobuf";
import { ConfabError, type PayloadTypes } from "@confab/contract";
import { AdminService } from "@confab/contract/gen/confab/v1/admin_service_pb";
import { ChatService } from "@confab/contract/gen/confab/v1/chat_service_pb";
import {
  Health,
  HealthCheckRequestSchema,
  HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus as Serving,
} from "@confab/contract/gen/grpc/health/v1/health_pb";
import { decodeMessage, encodeMessage } from "../../../service/index.js";
import type { Call, CallHandler, Method } from "../method.js";
import { unaryMethod } from "./generated.js";

/** Whether this server should be sent requests; tells who watches when that changes. */
export class Readiness {
  private readonly watchers = new Set<() => void>();
  private current = true;

  get isReady(): boolean {
    return this.current;
  }

  set(isReady: boolean): void {
    if (isReady === this.current) return;
    this.current = isReady;
    for (const changed of this.watchers) changed();
  }

  /** The result ends it. */
  watch(changed: () => void): () => void {
    this.watchers.add(changed);
    return () => this.watchers.delete(changed);
  }
}

/** The names a health check may ask for; the empty one is the server as a whole. */
const knownServices: ReadonlySet<string> = new Set(["", ChatService.typeName, ChatService.name, AdminService.typeName]);

/** grpc.health.v1 (grpc/doc/health-checking.md). */
export function healthMethods(readiness: Readiness, types: PayloadTypes): [string, Method][] {
  const status = () => (readiness.isReady ? Serving.SERVING : Serving.NOT_SERVING);
  return [
    [
      "Check",
      unaryMethod(Health.method.check, types, ({ service }) => {
        if (!knownServices.has(service))
          throw new ConfabError("UNKNOWN_PATH", `no service is called ${JSON.stringify(service)}`);
        return { status: status() };
      }),
    ],
    [
      "List",
      unaryMethod(Health.method.list, types, () => ({
        statuses: Object.fromEntries([...knownServices].map((name) => [name, { status: status() }])),
      })),
    ],
    [
      "Watch",
      {
        kind: "server-stream",
        open: (call) =>
          new HealthWatch(call, readiness, (request) => {
            const { service } = decodeMessage(HealthCheckRequestSchema, call.format, request, types);
            const answer = knownServices.has(service) ? status() : Serving.SERVICE_UNKNOWN;
            return encodeMessage(
              HealthCheckResponseSchema,
              call.format,
              create(HealthCheckResponseSchema, { status: answer }),
              types,
            );
          }),
      },
    ],
  ];
}

class HealthWatch implements CallHandler {
  private unwatch: (() => void) | undefined;

  constructor(
    private readonly call: Call,
    private readonly readiness: Readiness,
    private readonly answer: (request: Uint8Array) => Uint8Array,
  ) {}

  message(request: Uint8Array): void {
    const { call } = this;
    // Before the head: a malformed request ends the call without one.
    const first = this.answer(request);
    call.start();
    call.send(first);
    // Readiness changes a few times in a server's life, so a watcher that does not read costs next to nothing.
    this.unwatch = this.readiness.watch(() => call.send(this.answer(request)));
  }

  over(): void {
    this.unwatch?.();
  }
}
