"""Reads a JSON message with json_format, with its defaults, and writes it in Protobuf, as base64.

    python3 read-json.py DESCRIPTOR_SET TYPE < message.json

The types of the descriptor set are all that the reader knows.
"""

import base64
import sys

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

set_path, type_name = sys.argv[1:]
files = descriptor_pb2.FileDescriptorSet()
with open(set_path, "rb") as encoded:
    files.ParseFromString(encoded.read())
pool = descriptor_pool.DescriptorPool()
for file in files.file:
    pool.Add(file)
descriptor = pool.FindMessageTypeByName(type_name)
if hasattr(message_factory, "GetMessageClass"):
    message = message_factory.GetMessageClass(descriptor)()
else:
    # Before protobuf 4.22.
    message = message_factory.MessageFactory(pool).GetPrototype(descriptor)()
json_format.Parse(sys.stdin.buffer.read(), message, descriptor_pool=pool)
print(base64.b64encode(message.SerializeToString()).decode())
