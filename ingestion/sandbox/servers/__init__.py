"""Loopback servers that serve a sandbox world as the gateways, the providers and Stripe would."""
