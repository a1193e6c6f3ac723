"""What partners' programs build: integrations, their flows, destinations, tokens."""
