"""What is wrong or missing, told by whoever looks: nonconformities, due runs, alarms, notices."""
