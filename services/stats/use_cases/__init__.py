"""What can be done with the counts, in one transaction each."""
