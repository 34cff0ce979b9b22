"""What the integration tests stand on: real servers, scripted ones, clients, and the gateway between."""

from .certificates import Authority
from .gateway import Gateway, check, postern, sanitized
from .imap import Client, Closed, capabilities, connect
from .metrics import Metrics
from .packages import debian13
from .processes import Address, Folder, HarnessError, Process, run, wait_until
from .scripted import Gone, ScriptedBackend
from .servers import USERS, Courier, Cyrus, Dovecot, Dovecot24, GuardedDovecot, Impatient

__all__ = [
    "USERS", "Address", "Authority", "Client", "Closed", "Courier", "Cyrus", "Dovecot", "Dovecot24", "Folder",
    "Gateway", "Gone", "GuardedDovecot", "HarnessError", "Impatient", "Metrics", "Process", "ScriptedBackend", "capabilities", "check", "connect", "debian13",
    "postern", "run", "sanitized", "wait_until",
]
