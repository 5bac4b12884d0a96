"""What several test files share, by subject. Fixtures that they share stand in tests/conftest.py."""

import pytest

import gram  # noqa: F401  before torch: it sets how threads wait, which torch reads when it is loaded

pytest.register_assert_rewrite("support.command", "support.server")
