"""What is true: the database, written in one transaction per cycle and read as frozen rows."""
