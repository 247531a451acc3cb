"""The inventory: aims.yaml with its AI systems, people and settings, and who is acting."""
