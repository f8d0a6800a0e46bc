"""What app.py needs to start things: the configuration, the commands, the supervisor."""
