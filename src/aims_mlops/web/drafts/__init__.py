"""Impact assessments while people write them: kept on the server, several writers, nothing lost."""
