"""``towpath up --demo``: a real database to play with, from nothing but installed packages."""
