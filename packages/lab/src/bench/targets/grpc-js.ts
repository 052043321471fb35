/** Peer: `@grpc/grpc-js` passing messages on. It stores nothing and is spared all encoding: messages stay bytes. */
import * as grpc from "@grpc/grpc-js";
import { sendMessagePath, streamMessagesPath } from "../load/grpc-calls.js";
import { runProgram } from "../program.js";
import { announcePort } from "./announce.js";
import { sampleResponse } from "./sample-response.js";

const asIs = (bytes: Buffer): Buffer => bytes;
const coding = { requestSerialize: asIs, requestDeserialize: asIs, responseSerialize: asIs, responseDeserialize: asIs };

const service = {
  sendMessage: { path: sendMessagePath, requestStream: false, responseStream: false, ...coding },
  streamMessages: { path: streamMessagesPath, requestStream: false, responseStream: true, ...coding },
} satisfies grpc.ServiceDefinition;

await runProgram(async () => {
  const subscribers = new Set<grpc.ServerWritableStream<Buffer, Buffer>>();
  const response = Buffer.from(sampleResponse());
  const server = new grpc.Server();
  server.addService(service, {
    sendMessage(call: grpc.ServerUnaryCall<Buffer, Buffer>, reply: grpc.sendUnaryData<Buffer>) {
      for (const subscriber of subscribers) subscriber.write(call.request);
      reply(null, response);
    },
    streamMessages(call: grpc.ServerWritableStream<Buffer, Buffer>) {
      subscribers.add(call);
      call.once("cancelled", () => subscribers.delete(call));
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    const credentials = grpc.ServerCredentials.createInsecure();
    server.bindAsync("127.0.0.1:0", credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  announcePort(port);
});
