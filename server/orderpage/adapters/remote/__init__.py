"""Services of others, over HTTP and gRPC. What no plan speaks is not even imported."""
