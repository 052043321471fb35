"""What Python's grpcio sees of a server, as one JSON object on standard output.

    python3 grpcio-client.py ADDRESS METERED_ADDRESS FOLDER [CA]

FOLDER holds chat_pb2.py and chat_pb2_grpc.py, generated from the tutorial's chat.proto. METERED_ADDRESS leads to the same
server past a counter of bytes; only what is compressed goes there. With CA, a file in PEM, both are spoken to over TLS. The assertions are in grpcio.test.ts.
"""

import base64
import json
import sys

import grpc

address, metered_address, folder, *authority = sys.argv[1:]
sys.path.insert(0, folder)
import chat_pb2  # noqa: E402
import chat_pb2_grpc  # noqa: E402

# Long enough for any machine; no call is meant to take it.
PATIENCE_SECONDS = 30


def message(text, user="ada"):
    return chat_pb2.ChatMessage(user=user, text=text)


def failure(call):
    """The status that a call fails with: its code and its details, as base64."""
    try:
        call()
    except grpc.RpcError as error:
        trailers = dict(error.trailing_metadata() or ())
        details = trailers.get("grpc-status-details-bin", b"")
        return {"code": error.code().name, "details": base64.b64encode(details).decode()}
    return {"code": "OK", "details": ""}


def raw_call(channel, path, request=b"", **options):
    """A call of a method that the tutorial's file does not have, with bytes in and out."""
    return channel.unary_unary(path)(request, timeout=PATIENCE_SECONDS, **options)


def hear_in_order(stub):
    stream = stub.StreamMessages(chat_pb2.User(name="bob"), timeout=PATIENCE_SECONDS)
    # Blocks until the response's head: from then on the server delivers.
    position = dict(stream.initial_metadata())["confab-position"]
    sent = [f"message {index}" for index in range(50)]
    for text in sent:
        stub.SendMessage(message(text), timeout=PATIENCE_SECONDS)
    heard = [next(stream).text for _ in sent]
    stream.cancel()
    return {"position": position, "sent": sent, "heard": heard, "end": failure(lambda: next(stream))["code"]}


def send_many(stub):
    calls = [stub.SendMessage.future(message(f"{index}"), timeout=PATIENCE_SECONDS) for index in range(200)]
    return [call.code().name for call in calls]


def run(channel, metered):
    stub = chat_pb2_grpc.ChatServiceStub(channel)
    stored = chat_pb2_grpc.ChatServiceStub(metered)
    compressed = "the same again " * 2000
    stored.SendMessage(message(compressed), timeout=PATIENCE_SECONDS, compression=grpc.Compression.Gzip)
    history = raw_call(metered, "/confab.v1.ChatService/GetHistory")
    return {
        "gzip": {"sentCharacters": len(compressed), "isInHistory": compressed.encode() in history},
        "order": hear_in_order(stub),
        "many": send_many(stub),
        "invalid": failure(lambda: stub.SendMessage(message("who am I", user=""), timeout=PATIENCE_SECONDS)),
        "big": failure(lambda: stub.SendMessage(message("x" * 1_000_000), timeout=PATIENCE_SECONDS)),
        "unknown": failure(lambda: raw_call(channel, "/ChatService/Nothing")),
        "deadline": failure(lambda: next(stub.StreamMessages(chat_pb2.User(name="bob"), timeout=0.3))),
        "health": base64.b64encode(raw_call(channel, "/grpc.health.v1.Health/Check")).decode(),
    }


def open_channel(target):
    if not authority:
        return grpc.insecure_channel(target)
    with open(authority[0], "rb") as file:
        return grpc.secure_channel(target, grpc.ssl_channel_credentials(file.read()))


with open_channel(address) as channel, open_channel(metered_address) as metered:
    json.dump(run(channel, metered), sys.stdout)
