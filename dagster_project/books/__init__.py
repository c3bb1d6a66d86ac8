"""What the books hold and how they change: build state, closing, restating, publishing, the writer lock.

The only owner of the `meta` schemas and of names below lake/. Decides no price and no schedule, and shows nothing to
a person.
"""
