"""The estate of the tests of pages."""

from tests.findings.pages.conftest import halden as halden
