import { fromBinary } from "@bufbuild/protobuf";
import { ChatResponseSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { chatText, sentProtobuf } from "./load/chat-text.js";
import { sendMessagePath } from "./load/grpc-calls.js";

/** How long one call may take, in milliseconds. */
const deadlineMs = 5_000;

/**
 * Send one message with `@grpc/grpc-js`, which checks the whole answer, and return the offset it was given.
 *
 * @throws the client's error: the call failed.
 */
export async function sendOne(port: number, token?: string): Promise<number> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const metadata = new Metadata();
  if (token !== undefined) metadata.set("authorization", `Bearer ${token}`);
  const message = Buffer.from(sentProtobuf(chatText(0, 0)));
  try {
    return await new Promise((resolve, reject) => {
      const asIs = (bytes: Buffer): Buffer => bytes;
      const read = (bytes: Buffer): number => Number(fromBinary(ChatResponseSchema, bytes).position?.offset ?? 0n);
      const deadline = Date.now() + deadlineMs;
      client.makeUnaryRequest(sendMessagePath, asIs, read, message, metadata, { deadline }, (error, offset) => {
        if (error === null) resolve(offset ?? 0);
        else reject(error);
      });
    });
  } finally {
    client.close();
  }
}
