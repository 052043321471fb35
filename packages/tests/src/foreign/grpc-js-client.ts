import { once } from "node:events";
import { readFileSync } from "node:fs";
import {
  type CallOptions,
  type ChannelOptions,
  type Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientUnaryCall,
  credentials,
  loadPackageDefinition,
  Metadata,
  type requestCallback,
  type ServiceClientConstructor,
  type ServiceError,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { protoFolder, thirdPartyFolder } from "../fixture/buf.js";
import { tlsOfThisRun } from "../fixture/tls-run.js";

/** A unary method as grpc-js generates it. */
type UnaryMethod<Reply> = (
  request: object,
  metadata: Metadata,
  options: CallOptions,
  done: requestCallback<Reply>,
) => ClientUnaryCall;

/** A server-streaming method as grpc-js generates it. */
type StreamMethod<Reply> = (request: object, options?: CallOptions) => ClientReadableStream<Reply>;

/** What proto-loader makes of `Position`: 64-bit numbers are asked for as strings. */
export interface LoadedPosition {
  readonly epoch: number;
  readonly offset: string;
}

/** What proto-loader makes of `ChatMessage`. */
export interface LoadedMessage {
  readonly user: string;
  readonly text: string;
  readonly room?: string;
  readonly position?: LoadedPosition;
}

/** What proto-loader makes of `ChatResponse`; of the tutorial's, nothing. */
export interface LoadedAck {
  readonly id?: string;
  readonly position?: LoadedPosition;
  readonly duplicate?: boolean;
}

/** What proto-loader makes of `ServerFrame`: `frame` names the member that is set. */
export interface LoadedFrame {
  readonly request: number;
  readonly frame: string;
  readonly subscribed?: { readonly room: string; readonly position: LoadedPosition };
  readonly ack?: LoadedAck;
  readonly messages?: { readonly messages: readonly LoadedMessage[] };
  readonly error?: { readonly code: string; readonly message: string };
}

export interface TutorialClient extends Client {
  readonly SendMessage: UnaryMethod<LoadedAck>;
  readonly StreamMessages: StreamMethod<LoadedMessage>;
}

export interface ChatClient extends TutorialClient {
  readonly Converse: (options?: CallOptions) => ClientDuplexStream<object, LoadedFrame>;
  readonly GetHistory: UnaryMethod<{ readonly messages: readonly LoadedMessage[]; readonly more: boolean }>;
  readonly ListRooms: UnaryMethod<{
    readonly rooms: readonly { readonly name: string; readonly subscribers: number }[];
  }>;
}

export interface HealthClient extends Client {
  readonly Check: UnaryMethod<{ readonly status: string }>;
  readonly Watch: StreamMethod<{ readonly status: string }>;
}

/** A client generated from the tutorial's file as it stands. */
export function tutorialClient(port: number, options?: ChannelOptions): TutorialClient {
  return connectTo("tutorial/chat.proto", "ChatService", port, options);
}

/** A client generated from our contract. */
export function chatClient(port: number, options?: ChannelOptions): ChatClient {
  return connectTo("confab/v1/chat_service.proto", "confab.v1.ChatService", port, options);
}

/** A client of the health service. */
export function healthClient(port: number): HealthClient {
  return connectTo("grpc/health/v1/health.proto", "grpc.health.v1.Health", port);
}

function connectTo<Shape extends Client>(
  file: string,
  service: string,
  port: number,
  options: ChannelOptions = {},
): Shape {
  const definition = loadSync(file, {
    includeDirs: [protoFolder, thirdPartyFolder],
    keepCase: true,
    longs: String,
    enums: String,
    defaults: true,
    oneofs: true,
  });
  let found: unknown = loadPackageDefinition(definition);
  for (const name of service.split(".")) found = (found as Record<string, unknown>)[name];
  // Channels with the same target share one connection unless they are told not to; a test wants its own.
  const ownConnection = { "grpc.use_local_subchannel_pool": 1, ...options };
  const Service = found as ServiceClientConstructor;
  return new Service(`127.0.0.1:${port}`, channelCredentials(), ownConnection) as unknown as Shape;
}

function channelCredentials() {
  const tls = tlsOfThisRun();
  return tls ? credentials.createSsl(readFileSync(tls.certFile)) : credentials.createInsecure();
}

/** A unary call as a promise. @throws ServiceError */
export function unary<Reply>(client: Client, method: UnaryMethod<Reply>, request: object): Promise<Reply> {
  return new Promise((resolve, reject) => {
    method.call(client, request, new Metadata(), {}, (error, reply) => {
      if (error) reject(error);
      else if (reply === undefined) reject(new Error("neither an error nor a reply"));
      else resolve(reply);
    });
  });
}

/** A unary call of a method that the client's contract does not have. @throws ServiceError */
export function unknownUnary(client: Client, path: string): Promise<Buffer> {
  const asIs = (bytes: Buffer) => bytes;
  const method: UnaryMethod<Buffer> = (_request, metadata, options, done) =>
    client.makeUnaryRequest(path, asIs, asIs, Buffer.alloc(0), metadata, options, done);
  return unary(client, method, {});
}

/** The stream's `confab-position`, once its head is there: from then on the server delivers. @throws ServiceError */
export async function startOf(stream: ClientReadableStream<unknown>): Promise<string> {
  const [metadata] = (await once(stream, "metadata")) as [Metadata];
  return String(metadata.get("confab-position")[0]);
}

/** The next `count` messages of a stream that nobody else reads. @throws ServiceError */
export async function take<Message>(stream: ClientReadableStream<Message>, count: number): Promise<Message[]> {
  const messages: Message[] = [];
  while (messages.length < count) {
    const message = stream.read() as Message | null;
    if (message === null) await once(stream, "readable");
    else messages.push(message);
  }
  return messages;
}

/** The status that a stream ends with; what it still delivers is dropped. */
export function endOf(stream: ClientReadableStream<unknown>): Promise<ServiceError | undefined> {
  return new Promise((resolve) => {
    stream.on("error", (error: ServiceError) => resolve(error));
    stream.on("end", () => resolve(undefined));
    stream.resume();
  });
}
