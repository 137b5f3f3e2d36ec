"""A script that lives through a week of a vCenter, and what it asks the product afterwards."""

import pytest

pytest.register_assert_rewrite("tests.week.asking")
