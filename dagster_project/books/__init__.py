"""The stored state of the books: build state, closing, restating, publishing, the writer lock.

The only owner of the `meta` schemas and of names below lake/. Decides no price and no schedule, and prints nothing.
"""
