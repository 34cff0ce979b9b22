"""Runs a command as in a container that forbids system calls: denied.py ERROR CALL... -- COMMAND...

ERROR is what the kernel answers, such as EPERM. A CALL is one of CALLS below. A filter that cannot be installed ends
this with a message and status 1, so that no test passes for want of one.
"""

import ctypes
import errno
import os
import platform
import struct
import sys

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, MODE_FILTER = 22, 38, 2
AF_INET6 = 10
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06  # words of classic BPF
NUMBER, FIRST_ARGUMENT = 0, 16  # in struct seccomp_data
ALLOW, ERROR = 0x7FFF0000, 0x00050000
NUMBERS = {"x86_64": {"prctl": 157, "seccomp": 317, "socket": 41},
           "aarch64": {"prctl": 167, "seccomp": 277, "socket": 198}}[platform.machine()]
CALLS = {  # (number, first argument or None)
    "io_uring_setup": (425, None),
    "seccomp": (NUMBERS["seccomp"], None),
    "prctl_seccomp": (NUMBERS["prctl"], PR_SET_SECCOMP),
    "socket_inet6": (NUMBERS["socket"], AF_INET6),
}


def program(calls, error):
    """The filter, as an array of struct sock_filter."""
    lines = []
    for call in calls:
        number, argument = CALLS[call]
        rest = [(RETURN, 0, 0, ERROR | error)]
        if argument is not None:
            rest = [(LOAD, 0, 0, FIRST_ARGUMENT), (JUMP_IF_EQUAL, 0, 1, argument), *rest]
        lines += [(LOAD, 0, 0, NUMBER), (JUMP_IF_EQUAL, 0, len(rest), number), *rest]
    lines.append((RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


def install(filter_):
    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]

    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
                      (PR_SET_SECCOMP, MODE_FILTER, ctypes.byref(Program(len(filter_) // 8, filter_)))):
        if libc.prctl(*arguments) != 0:
            sys.exit(f"denied: no filter: {os.strerror(ctypes.get_errno())}")


def main(error, *rest):
    end = rest.index("--")
    install(program(rest[:end], getattr(errno, error)))
    os.execvp(rest[end + 1], rest[end + 1:])


if __name__ == "__main__":
    main(*sys.argv[1:])
