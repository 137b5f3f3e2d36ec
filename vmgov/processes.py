"""Child processes that do not outlive their parent."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(number: signal.Signals) -> None:
    """Have the kernel send this process a signal when its parent ends, even by SIGKILL.

    Linux only; elsewhere it does nothing.
    """
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)


def dying_with(parent: int, number: signal.Signals) -> Callable[[], None]:
    """Return a `preexec_fn` that binds a child to `parent`, which may already be gone."""

    def bind() -> None:
        die_with_parent(number)
        if os.getppid() != parent:
            os._exit(1)

    return bind
