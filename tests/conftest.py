"""gram before torch: it sets how threads wait, which torch reads when it is loaded."""

import gram  # noqa: F401
