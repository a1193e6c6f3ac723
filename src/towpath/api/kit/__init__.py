"""What all API families have in common: how one is made, who calls, and what a body may be."""
