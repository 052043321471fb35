"""Reads a room and sends to it with stock grpcio, by tokens that expire every few seconds.

    python token-client.py PLAN

PLAN is JSON; its fields are those of the plan in tools/go-client/token-client, and `OutputFolder` for what protoc makes. The
outcome is one JSON object on standard output. The assertions are in auth/stock-clients.all.test.ts.
"""

import concurrent.futures
import json
import pathlib
import subprocess
import sys
import threading
import time
import urllib.request

import grpc
from google.protobuf import json_format
from google.rpc import error_details_pb2
from grpc_status import rpc_status

plan = json.loads(sys.argv[1])
proto_folder, third_party_folder = plan["ProtoFolder"], plan["ThirdPartyFolder"]
output_folder, room = plan["OutputFolder"], plan["Room"]

# Long enough for any machine. No call is expected to take it.
TIMEOUT_SECONDS = 120

includes = [f"-I{proto_folder}", f"-I{third_party_folder}"]
outputs = [f"--python_out={output_folder}", f"--grpc_python_out={output_folder}"]
files = sorted(f"confab/v1/{path.name}" for path in pathlib.Path(proto_folder, "confab/v1").glob("*.proto"))
files += ["buf/validate/validate.proto"]
subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *includes, *outputs, *files], check=True)
sys.path.insert(0, output_folder)
from confab.v1 import chat_service_pb2_grpc, message_pb2  # noqa: E402


class Tokens:
    """Holds a token until it is told that it has expired."""

    def __init__(self):
        self.lock = threading.Lock()
        self.token = None

    def current(self):
        with self.lock:
            if not self.token:
                with urllib.request.urlopen(plan["TokenURL"], timeout=TIMEOUT_SECONDS) as response:
                    self.token = response.read().decode()
            return self.token

    def forget(self):
        with self.lock:
            self.token = None


tokens = Tokens()


class TokenAuth(grpc.AuthMetadataPlugin):
    """Over TLS: grpcio asks it for the metadata of each call."""

    def __call__(self, context, callback):
        callback((("authorization", f"Bearer {tokens.current()}"),), None)


def metadata():
    """In clear text, where grpcio sends no call credentials: given to each call."""
    return (("authorization", f"Bearer {tokens.current()}"),)


def is_expired(error):
    for detail in rpc_status.from_call(error).details:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            return info.reason == "TOKEN_EXPIRED"
    return False


def open_channel():
    if not plan["Authority"]:
        return grpc.insecure_channel(plan["Address"])
    authority = pathlib.Path(plan["Authority"]).read_bytes()
    credentials = grpc.composite_channel_credentials(
        grpc.ssl_channel_credentials(authority),
        grpc.metadata_call_credentials(TokenAuth()),
    )
    return grpc.secure_channel(plan["Address"], credentials)


expired = {"reads": 0, "sends": 0}
received = []
sent = []


def options():
    """What each call is given."""
    shown = {} if plan["Authority"] else {"metadata": metadata()}
    return {"timeout": TIMEOUT_SECONDS, **shown}


def read(stub):
    """Read the room until the last message, and come back after the last position when the token has expired."""
    after = json_format.ParseDict(plan["After"], message_pb2.Position())
    while True:
        try:
            for message in stub.StreamMessages(message_pb2.User(room=room, after=after), **options()):
                after = message.position
                received.append({"id": message.id, "text": message.text, "position": json_format.MessageToDict(after)})
                if message.text == plan["Last"]:
                    return
        except grpc.RpcError as error:
            if not is_expired(error):
                raise
            expired["reads"] += 1
            tokens.forget()


def send(stub, message):
    """What is refused as the token has expired is sent again with the same id."""
    while True:
        try:
            return stub.SendMessage(message, **options())
        except grpc.RpcError as error:
            if not is_expired(error):
                raise
            expired["sends"] += 1
            tokens.forget()


def send_all(stub):
    end = time.monotonic() + plan["Seconds"]
    is_last = False
    while not is_last:
        time.sleep(plan["IntervalMs"] / 1000)
        is_last = time.monotonic() > end
        message_id = f"{plan['User']}-{len(sent)}"
        text = plan["Last"] if is_last else message_id
        send(stub, message_pb2.ChatMessage(room=room, id=message_id, text=text))
        sent.append(message_id)


with open_channel() as channel:
    stub = chat_service_pb2_grpc.ChatServiceStub(channel)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        reading = pool.submit(read, stub)
        send_all(stub)
        reading.result(TIMEOUT_SECONDS)
json.dump({"received": received, "sent": sent, "expired": expired}, sys.stdout)
