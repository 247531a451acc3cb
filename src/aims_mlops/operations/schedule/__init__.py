"""What was due when: schedules as records, and their windows."""
