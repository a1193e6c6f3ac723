"""Credentials that are lent: whose they are, who may borrow them, and the hot path."""
