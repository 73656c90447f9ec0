"""The parts of acmeca.py, an ACME CA for tests.  README.md describes it."""
