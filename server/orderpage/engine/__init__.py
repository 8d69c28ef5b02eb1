"""What runs extensions: discover → compile → run → explain. It knows shapes and reductions, nothing of shopping."""
