"""The world of the gate's own tests, and its figures."""

from support.gate import bad as bad
from support.gate import good as good
from support.gate import log as log
from support.gate import world as world
