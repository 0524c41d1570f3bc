"""Pictures and tables of who may talk to whom, drawn from the model."""
