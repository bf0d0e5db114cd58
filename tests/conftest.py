"""What holds for all tests: the whole city comes last; property tests try the same each time, and judge no clock.

Other examples than ever before: ``make test TESTS="tests/property --hypothesis-profile=anew"``.
"""

import pytest
from hypothesis import settings

settings.register_profile("any machine", deadline=None, derandomize=True)
settings.register_profile("anew", deadline=None)
settings.load_profile("any machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Move the end-to-end tests to the end.

    Their city would take the two cores from everybody after them, and the browser's driver keeps an event loop running
    in the main thread, in which ``asyncio.run`` of other tests is refused.
    """
    items.sort(key=lambda item: item.get_closest_marker("end_to_end") is not None)
