"""What users and other services can do, each deed in one transaction."""
