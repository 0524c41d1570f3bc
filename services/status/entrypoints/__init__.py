"""Taking jobs, over HTTP, over gRPC or from the broker; and health."""
