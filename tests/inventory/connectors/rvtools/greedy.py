"""Stands in for the reading process: takes memory until it is stopped."""

from inventory.connectors.rvtools import convert


def greedy(*_: object, **__: object) -> None:
    kept = []
    while True:
        kept.append(bytearray(64 * 1024 * 1024))


if __name__ == "__main__":
    setattr(convert, "Reading", greedy)  # noqa: B010  # not a name it exports
    setattr(convert, "_failed", greedy)  # noqa: B010
    convert.main()
