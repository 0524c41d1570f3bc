"""The main service: stocks, a creator's requests, and the callback that brings their results."""
