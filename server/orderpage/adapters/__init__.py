"""What answers the ports: databases, payment providers, authenticators, sinks."""
