"""From the model to the text that a host gets: rules, sets, routes and the hosts file. No host is touched."""
