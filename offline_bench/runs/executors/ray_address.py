"""Whether a Ray answers at an address: asked before Ray itself tries, which waits long, and says little."""

from __future__ import annotations

import re
import socket

from offline_bench.core.errors import PlaceError, SpecError

SECONDS = 4.0
AUTO = "auto"
# How HTTP/2 opens, RFC 9113, section 3.4: these words and an empty frame of settings, answered by one of these.
OPENING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
SETTINGS = 4


def check_address(address: str) -> None:
    """Raise `SpecError` where `address` is no HOST:PORT or 'auto', `PlaceError` where no Ray answers there."""
    if address == AUTO:
        return
    found = re.fullmatch(r"\[?([^\[\]/]+?)\]?:([0-9]{1,5})", address)
    if not found or not 0 < int(found[2]) < 2**16:
        raise SpecError(
            f"--ray-address is HOST:PORT of the cluster's head, such as 10.0.0.1:6379, or auto; not {address!r}. "
            "Start the command on a node of the cluster."
        )
    try:
        with socket.create_connection((found[1], int(found[2])), timeout=SECONDS) as line:
            line.settimeout(SECONDS)
            line.sendall(OPENING)
            answer = line.recv(9)
    except OSError as error:
        raise PlaceError(
            f"no Ray answers at {address}: {error.strerror or error}. `ray start --head` prints the address of a "
            "cluster; without --ray-address, one is started here."
        ) from error
    if len(answer) < 4 or answer[3] != SETTINGS:
        raise PlaceError(f"what answers at {address} is no Ray. `ray start --head` prints the address of a cluster.")


def answers(host: str, port: int) -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection((host, port), timeout=SECONDS).close()
    except OSError:
        return False
    return True
