"""Between exports, imports and flows as they are published, and ours.

A document is kept as its client wrote it; what runs is our specification, made of it here. Fields that have
no meaning here are kept and shown, and do nothing.
"""
