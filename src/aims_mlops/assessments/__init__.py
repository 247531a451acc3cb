"""Impact assessments, approvals and separation of duties."""
