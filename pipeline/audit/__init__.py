"""Audit of good images before a training: what is unreadable, seen twice, taken differently, or another part.

`looking` goes over the images, `ledger` keeps what was seen, `findings` says what is out of the ordinary, `sheet` shows
it.
"""
