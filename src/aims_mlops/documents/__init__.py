"""Files that people edit: YAML and front matter, with the line of everything that is wrong."""
