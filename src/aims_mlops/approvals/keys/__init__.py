"""The keys of people: made, enrolled, confirmed, and what they sign."""
