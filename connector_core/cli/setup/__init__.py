"""`setup`: choose, answer, test, save, enable."""
