"""Sends messages to a room and reads the room, by stock gRPC, through restarts of the server.

    python3 -m venv .venv && .venv/bin/pip install -r requirements.txt
    curl -O http://127.0.0.1:8080/confab.proto
    .venv/bin/python -m grpc_tools.protoc -I. --python_out=. --grpc_python_out=. confab.proto
    .venv/bin/python chat.py 127.0.0.1:8080 lobby ada 10

It prints `OFFSET USER: TEXT` for each message, and ends when it has read each message that it sent.
"""

import asyncio
import json
import random
import sys
import uuid

import grpc
from confab_pb2 import AvailableRange, ChatMessage, GetHistoryRequest, User
from confab_pb2_grpc import ChatServiceStub
from grpc_status import rpc_status

# Unary calls have a deadline: how long the server may be away before the caller is told.
DEADLINE_SECONDS = 60

# gRPC repeats these calls by itself. UNAVAILABLE is the only code for that: after other codes the same call fails again,
# or has to wait for longer (RESOURCE_EXHAUSTED). StreamMessages is not among them, since it has to go on from elsewhere.
SERVICE_CONFIG = {
    "methodConfig": [
        {
            "name": [{"service": "confab.v1.ChatService", "method": name} for name in ["SendMessage", "GetHistory"]],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.2s",
                "maxBackoff": "5s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}

OPTIONS = [
    ("grpc.service_config", json.dumps(SERVICE_CONFIG)),
    # A peer that is gone without a word is noticed after half a minute. The server allows pings at any interval.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.http2.ping_timeout_ms", 10_000),
    # Also while nothing is sent: by default the third ping in silence waits for a minute.
    ("grpc.http2.max_pings_without_data", 0),
    # The default waits for up to two minutes between attempts to connect.
    ("grpc.max_reconnect_backoff_ms", 5_000),
]


async def send(stub, room, user, ids):
    for number, message_id in enumerate(ids, start=1):
        # A message with an id is stored once, however often the call is repeated.
        message = ChatMessage(room=room, user=user, id=message_id, text=f"hello {number}")
        # Wait for ready: a call that finds the server away waits for it, instead of an error at once.
        await stub.SendMessage(message, timeout=DEADLINE_SECONDS, wait_for_ready=True)
        await asyncio.sleep(0.05)


async def read(stub, room, user, after, ids):
    """Prints what follows the position `after`, until all `ids` have come."""
    awaited = set(ids)
    while awaited:
        # No deadline: the stream is open for as long as there is something to wait for.
        stream = stub.StreamMessages(User(room=room, name=user, after=after), wait_for_ready=True)
        try:
            async for message in stream:
                print(f"{message.position.offset} {message.user}: {message.text}", flush=True)
                after = message.position
                awaited.discard(message.id)
                if not awaited:
                    break
        except grpc.aio.AioRpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE:
                raise
            # At random, so that all clients of a server that went away do not come back in the same moment.
            await asyncio.sleep(random.uniform(0.1, 1))


def available_range(error):
    """What the log holds, from the details of OUT_OF_RANGE."""
    held = AvailableRange()
    status = rpc_status.from_call(error)
    if status is not None and any(detail.Unpack(held) for detail in status.details):
        return f"; the log holds {held.oldest.offset} to {held.newest.offset}"
    return ""


async def main(address, room, user, count):
    ids = [str(uuid.uuid4()) for _ in range(int(count))]
    async with grpc.aio.insecure_channel(address, options=OPTIONS) as channel:
        stub = ChatServiceStub(channel)
        try:
            # The position first, then the messages: so none of them is missed.
            page = await stub.GetHistory(
                GetHistoryRequest(room=room, limit=1), timeout=DEADLINE_SECONDS, wait_for_ready=True
            )
            # When one of the two fails, the group ends the other one.
            async with asyncio.TaskGroup() as group:
                group.create_task(send(stub, room, user, ids))
                group.create_task(read(stub, room, user, page.newest, ids))
        except* grpc.aio.AioRpcError as failed:
            error = failed.exceptions[0]
            sys.exit(f"{error.code().name}: {error.details()}{available_range(error)}")


if len(sys.argv) != 5:
    sys.exit("usage: chat.py ADDRESS ROOM USER COUNT")
asyncio.run(main(*sys.argv[1:]))
