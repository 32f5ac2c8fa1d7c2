"""The clients that are measured: one program each, a task in its argument, one line of JSON out.

The Python ones import no more than a program of their user would, besides the standard library.
"""
