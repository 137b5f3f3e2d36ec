"""Being told of changes: who watches a source, and how what it was told becomes true here."""
