"""A service of hooks as a team would write it: it moderates, and indexes what is stored.

    python3 hook-service.py grpc FOLDER INDEX [PORT]
    python3 hook-service.py http SECRET INDEX [PORT]

FOLDER holds the code that protoc has made of hook.proto. The port is the first line of the standard output. A message "bad" is
refused, and any other is stored in capitals. What is stored is a line of INDEX: the room, a blank and the text.
"""

import hashlib
import hmac
import json
import sys
import time
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

form, what, index_file, port = (sys.argv[1:] + ["0"])[:4]


def index(room, texts):
    with open(index_file, "a", encoding="utf-8") as lines:
        lines.write("".join(f"{room} {text}\n" for text in texts))


def serve_grpc():
    sys.path.insert(0, what)
    import grpc
    from confab.v1 import hook_pb2, hook_pb2_grpc

    class Hooks(hook_pb2_grpc.HookServiceServicer):
        def OnSend(self, request, context):
            text = request.message.text
            if text == "bad":
                return hook_pb2.OnSendResponse(refusal=hook_pb2.HookRefusal(text="mind your language"))
            return hook_pb2.OnSendResponse(content=hook_pb2.HookContent(text=text.upper()))

        def OnStored(self, request, context):
            index(request.room, [message.text for message in request.messages])
            return hook_pb2.OnStoredResponse()

    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    hook_pb2_grpc.add_HookServiceServicer_to_server(Hooks(), server)
    print(server.add_insecure_port(f"127.0.0.1:{port}"), flush=True)
    server.start()
    server.wait_for_termination()


# As docs/hooks.md has it.
def is_ours(header, body, secret):
    fields = dict(part.split("=", 1) for part in header.split(","))
    signed = hmac.new(secret, fields["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(signed, fields["v1"]) and abs(time.time() - int(fields["t"])) <= 300


def answer_to(hook, event):
    if hook == "stored":
        index(event["room"], [message["text"] for message in event["messages"]])
        return {}
    text = event["message"]["text"]
    return {"refusal": {"text": "mind your language"}} if text == "bad" else {"content": {"text": text.upper()}}


class Hooks(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        is_signed = is_ours(self.headers["confab-signature"], body, what.encode())
        request = json.loads(body)
        answer = json.dumps(answer_to(request["hook"], request["event"])).encode() if is_signed else b"not signed"
        self.send_response(200 if is_signed else 401)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


if form == "grpc":
    serve_grpc()
else:
    server = ThreadingHTTPServer(("127.0.0.1", int(port)), Hooks)
    print(server.server_address[1], flush=True)
    server.serve_forever()
