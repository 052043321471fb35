import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type ServiceError, status } from "@grpc/grpc-js";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { endOf, startOf, type TutorialClient, take, tutorialClient, unary, unknownUnary } from "./grpc-js-client.js";
import { shownDetails, userIsMissing } from "./status-details.js";

// `@grpc/grpc-js` and `@grpc/proto-loader` with the tutorial's chat.proto as it stands: no package, four messages.

let server: ServerProcess;
let client: TutorialClient;

before(async () => {
  server = await startServerProcess();
  client = tutorialClient(server.port);
});

after(async () => {
  client.close();
  await server.stop();
});

const send = (message: object) => unary(client, client.SendMessage, message);

test("the tutorial's client hears what another one sends, in order", async () => {
  const reader = tutorialClient(server.port);
  const stream = reader.StreamMessages({ name: "bob" });
  assert.match(await startOf(stream), /^[1-9][0-9]*:0$/);
  const texts = Array.from({ length: 50 }, (_, index) => `message ${index}`);
  for (const text of texts) assert.deepEqual(await send({ user: "ada", text }), {});
  assert.deepEqual(
    await take(stream, texts.length),
    texts.map((text) => ({ user: "ada", text })),
  );
  stream.cancel();
  assert.equal((await endOf(stream))?.code, status.CANCELLED);
  reader.close();
});

test("the tutorial's client is told which field is wrong", async () => {
  await assert.rejects(send({ user: "", text: "who am I" }), (error: ServiceError) => {
    assert.equal(error.code, status.INVALID_ARGUMENT);
    assert.deepEqual(shownDetails(error.metadata.get("grpc-status-details-bin")[0]), userIsMissing);
    return true;
  });
});

test("a method that the service without a package lacks is UNIMPLEMENTED", async () => {
  await assert.rejects(unknownUnary(client, "/ChatService/Nothing"), { code: status.UNIMPLEMENTED });
});
