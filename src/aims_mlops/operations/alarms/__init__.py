"""What is wrong with the watching of systems, told while it is."""
