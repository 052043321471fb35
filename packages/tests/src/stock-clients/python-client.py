"""Reads one large room with stock Python clients, with their default limits, as one JSON object on standard output.

    python python-client.py ADDRESS PROTO_FOLDER OUTPUT_FOLDER ROOM MESSAGES

The assertions are in python.all.test.ts.
"""

import asyncio
import json
import pathlib
import subprocess
import sys

import grpc
import httpx
import websockets

address, proto_folder, third_party_folder, output_folder, room, count = sys.argv[1:]
wanted = int(count)

# Long enough for any machine. No call is expected to take it.
TIMEOUT_SECONDS = 120

includes = [f"-I{proto_folder}", f"-I{third_party_folder}"]
outputs = [f"--python_out={output_folder}", f"--grpc_python_out={output_folder}"]
files = sorted(f"confab/v1/{path.name}" for path in pathlib.Path(proto_folder, "confab/v1").glob("*.proto"))
vendored = ["buf/validate/validate.proto", "google/api/annotations.proto", "google/api/http.proto"]
subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *includes, *outputs, *files, *vendored], check=True)
sys.path.insert(0, output_folder)
from confab.v1 import chat_service_pb2_grpc, frame_pb2, message_pb2, room_pb2  # noqa: E402


def number(text):
    """The number that each message of the room begins with."""
    return int(text.split(" ", 1)[0])


def by_grpc_history(stub):
    numbers = []
    request = room_pb2.GetHistoryRequest(room=room, limit=1000, oldest_first=True)
    while True:
        page = stub.GetHistory(request, timeout=TIMEOUT_SECONDS)
        numbers += [number(message.text) for message in page.messages]
        if not page.more:
            return numbers
        request = room_pb2.GetHistoryRequest(room=room, limit=1000, after=page.messages[-1].position)


def by_grpc_stream(stub):
    stream = stub.StreamMessages(message_pb2.User(room=room, history=1000), timeout=TIMEOUT_SECONDS)
    numbers = [number(next(stream).text) for _ in range(wanted)]
    stream.cancel()
    return numbers


def by_converse(stub):
    """Half-closed at once: what the subscription promised comes before the end."""
    reader = message_pb2.User(room=room, history=1000)
    frames = iter([frame_pb2.ClientFrame(request=1, subscribe=frame_pb2.Subscribe(reader=reader))])
    batches = (frame.messages for frame in stub.Converse(frames, timeout=TIMEOUT_SECONDS))
    return [number(message.text) for batch in batches for message in batch.messages]


async def by_websocket_frames():
    numbers = []
    subscribe = {"request": 1, "subscribe": {"reader": {"room": room, "history": 1000}}}
    async with websockets.connect(f"ws://{address}/chat", subprotocols=["confab.v1.json"]) as socket:
        await socket.send(json.dumps(subscribe))
        while len(numbers) < wanted:
            frame = json.loads(await asyncio.wait_for(socket.recv(), TIMEOUT_SECONDS))
            numbers += [number(message["text"]) for message in frame.get("messages", {}).get("messages", [])]
    return numbers


async def by_plain_websocket():
    url = f"ws://{address}/chat?room={room}&history=1000"
    async with websockets.connect(url) as socket:
        messages = [json.loads(await asyncio.wait_for(socket.recv(), TIMEOUT_SECONDS)) for _ in range(wanted)]
    return [number(message["text"]) for message in messages]


def by_rest(client):
    numbers = []
    query = {"limit": 1000, "oldestFirst": "true"}
    while True:
        page = client.get(f"/v1/rooms/{room}/messages", params=query).raise_for_status().json()
        numbers += [number(message["text"]) for message in page["messages"]]
        if not page.get("more"):
            return numbers
        position = page["messages"][-1]["position"]
        query = {"limit": 1000, "after.epoch": position["epoch"], "after.offset": position["offset"]}


def by_events(client):
    numbers = []
    event = "message"
    with client.stream("GET", f"/v1/rooms/{room}/stream", params={"history": 1000}) as response:
        response.raise_for_status()
        for line in response.iter_lines():
            if line.startswith("event:"):
                event = line[6:].strip()
            elif line == "":
                event = "message"
            elif line.startswith("data:") and event == "message":
                numbers.append(number(json.loads(line[5:])["text"]))
            if len(numbers) == wanted:
                return numbers
    return numbers


stub = chat_service_pb2_grpc.ChatServiceStub(grpc.insecure_channel(address))
http = httpx.Client(base_url=f"http://{address}", timeout=TIMEOUT_SECONDS)
read = {
    "grpcio GetHistory": by_grpc_history(stub),
    "grpcio StreamMessages": by_grpc_stream(stub),
    "grpcio Converse": by_converse(stub),
    "websockets, JSON frames": asyncio.run(by_websocket_frames()),
    "websockets, plain": asyncio.run(by_plain_websocket()),
    "httpx REST": by_rest(http),
    "httpx events": by_events(http),
}
print(json.dumps(read))
