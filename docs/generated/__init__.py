"""Pages of the site that follow from code: each module gives `pages()` and a `TITLE`."""
