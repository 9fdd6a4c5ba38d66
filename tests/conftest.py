"""Hypothesis profiles. `pytest --hypothesis-profile=random` looks where nobody has looked yet."""

import signal

from hypothesis import HealthCheck, settings

# A shell ignores Ctrl-C for what it starts in the background, and its children inherit that: some tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# "ci": the same examples in every run, so that a failure is the change's. "long": more of them. "random": new ones each
# time, with a line to reproduce a failure.
settings.register_profile("ci", derandomize=True, database=None, deadline=None, print_blob=True)
settings.register_profile(
    "long", parent=settings.get_profile("ci"), max_examples=2_000, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("random", parent=settings.get_profile("long"), derandomize=False)
settings.load_profile("ci")
