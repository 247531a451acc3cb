"""Documents that people hand on: the EU AI Act's dossier, instructions, notices, data sheets."""
