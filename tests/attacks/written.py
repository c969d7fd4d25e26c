"""All attacks."""

from __future__ import annotations

from tests.attacks.at_the_door import AT_THE_DOOR
from tests.attacks.in_evidence import IN_EVIDENCE
from tests.attacks.in_values import IN_VALUES

ATTACKS = (*IN_EVIDENCE, *IN_VALUES, *AT_THE_DOOR)
