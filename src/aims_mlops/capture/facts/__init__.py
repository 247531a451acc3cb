"""What a run can say of its surroundings: data, models, code, environment."""
