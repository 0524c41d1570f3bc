"""HTTP: the API, the callback, the pages."""
