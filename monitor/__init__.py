"""What happens: checks are run, results judged, states advanced, all committed to the journal."""
