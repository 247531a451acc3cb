"""What aims.yaml declares: systems, people, settings, each section typed."""
