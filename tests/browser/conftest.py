"""A real Chromium for the tests of pages."""

from support.browser import browser as browser
from support.browser import chromium as chromium
