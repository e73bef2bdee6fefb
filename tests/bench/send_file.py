"""Sends a file as the body of a PUT and does nothing else: reads a `Transfer` (transfer.ts) in JSON from its input and prints
one line of JSON, a `Transferred`. The kernel copies the file once, from its cache to the connection, which Node.js cannot ask
of it: a client on the same two processors as the cloud should take little of them. (sendfile would copy nothing here, and have the
receiver pay more for pages in pieces: 0.45 s of both together for 512 MiB instead of 0.30.)"""
import json
import mmap
import os
import socket
import sys
import time
from urllib.parse import urlsplit

asked = json.load(sys.stdin)
url = urlsplit(asked["url"])
with open(asked["path"], "rb") as file:
    size = os.fstat(file.fileno()).st_size
    headers = {"host": url.netloc, "connection": "close", "content-length": size, **asked["headers"]}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    begun = time.monotonic()
    with socket.create_connection((url.hostname, url.port)) as connection:
        connection.sendall(f"PUT {url.path} HTTP/1.1\r\n{head}\r\n".encode())
        connection.sendall(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ))
        answer = connection.makefile("rb").readline().decode().strip()
    seconds = time.monotonic() - begun
if not answer.startswith("HTTP/1.1 204"):
    sys.exit(f"PUT {asked['url']}: {answer}")
print(json.dumps({"bytes": size, "seconds": seconds}))
