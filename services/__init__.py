"""The services that live behind Sallyport's walls."""
