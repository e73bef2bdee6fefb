"""Runs each command of the `openstack` client in a process of its own that has the client loaded already: starting Python
and finding the client's hundred modules takes a second of processor time for each command otherwise.

Listens on the UNIX socket of its argument. Who connects (`bin/openstack`) hands over its standard streams and sends a line
of JSON, {"argv": [...], "env": {...}, "cwd": "..."}; the answer is the command's exit code. Nothing that one command leaves
in memory is seen by another: each runs in a fork of what was there before the first.
"""
import importlib.metadata
import json
import os
import signal
import socket
import sys
import time

sys.argv, path = ['openstack'], sys.argv[1]  # by which the client knows its name when it is loaded

from keystoneauth1 import loading  # noqa: E402
from openstackclient import shell  # noqa: E402

groups = [
    'openstack.cli', 'openstack.common', 'openstack.identity.v3', 'openstack.image.v2', 'openstack.compute.v2',
    'openstack.network.v2', 'openstack.container.v1',
]


def load():
    loading.get_plugin_loader('password')
    for group in groups:
        for command in importlib.metadata.entry_points(group=group):
            command.load()


def run(connection):
    request, streams, _, _ = socket.recv_fds(connection, 1 << 20, 3)
    while not request.endswith(b'\n'):
        request += connection.recv(1 << 20)
    asked = json.loads(request)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin, sys.stdout, sys.stderr = (open(number, mode, closefd=False) for number, mode in enumerate('rww'))
    os.chdir(asked['cwd'])
    os.environ.clear()
    os.environ.update(asked['env'])
    sys.argv = ['openstack', *asked['argv']]
    try:
        code = shell.main(asked['argv'])
    except SystemExit as end:
        code = end.code
    sys.stdout.flush()
    sys.stderr.flush()
    status = code if isinstance(code, int) else int(code is not None)  # as sys.exit() takes it
    connection.sendall(bytes([status & 255]))


load()
sleep = time.sleep
time.sleep = lambda seconds: sleep(min(seconds, 0.2))  # `--wait` looks every five seconds whether it has come
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that have ended
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()
print('ready', flush=True)
while True:
    connection, _ = listener.accept()
    if os.fork() == 0:
        listener.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        try:
            run(connection)
        except BaseException:  # whoever asked reads an end without a code
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(0)
    connection.close()
