"""How the console looks and in which language: templates, words, formats, style."""
