"""Loopback servers that serve a sandbox world like the gateways, the providers and Stripe."""
