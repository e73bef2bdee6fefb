"""Runs commands of `openstack` and `glance` one after the other in one process: starting Python for each takes a second.

Reads lines of JSON, {"program", "argv": [...], "env": {...}}, and answers each with one, {"code", "stdout", "stderr"}.
"""
import contextlib
import io
import json
import logging
import os
import sys
import time


def openstack(argv):
    from openstackclient import shell
    from openstackclient.common import clientmanager
    from osc_lib.clientmanager import ClientCache
    # What the command before has left: where it logged to, and clients with its user's token.
    logging.getLogger().handlers.clear()
    for owner in clientmanager.ClientManager.__mro__:
        for value in vars(owner).values():
            if isinstance(value, ClientCache):
                value._handle = None
    # It forgets versions of a service that is not there as often as it is asked for it, and fails the second time.
    from openstackclient.volume import client as volume
    for version in ('1', '2'):
        volume.API_VERSIONS.setdefault(version, f'cinderclient.v{version}.client.Client')
    return shell.main(argv)


def glance(argv):
    from glanceclient import shell
    sys.argv = ['glance', *argv]
    return shell.main()


class Terminal(io.StringIO):
    """What nobody types at: otherwise clients would take what they are fed for the data of an image."""

    def isatty(self):
        return True


sleep = time.sleep
time.sleep = lambda seconds: sleep(min(seconds, 0.2))  # `--wait` looks every five seconds whether it has come
requests, answers = sys.stdin, sys.stdout
sys.stdin = Terminal()
for line in requests:
    asked = json.loads(line)
    for name in [name for name in os.environ if name.startswith('OS_')]:
        del os.environ[name]
    os.environ.update(asked['env'])
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = {'openstack': openstack, 'glance': glance}[asked['program']](asked['argv'])
        except SystemExit as end:
            code = end.code
    status = code if isinstance(code, int) else int(code is not None)  # as sys.exit() takes it
    answer = {'code': status, 'stdout': out.getvalue(), 'stderr': err.getvalue()}
    print(json.dumps(answer), file=answers, flush=True)
