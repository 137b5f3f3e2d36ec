"""Stands in for the reading process: tells the names of what it was given."""

import os

from inventory.connectors.rvtools import convert

if __name__ == "__main__":
    names = " ".join(sorted(os.environ))
    convert._say(convert.Told(failed=convert.Failed(message=names, code="bad-file", advice="")))
