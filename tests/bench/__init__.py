"""Speed and memory, each beside a reference that is measured in the same run. Nothing here passes or fails."""
