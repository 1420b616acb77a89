"""What happens after training: scoring files, watching for drift, promoting models."""
