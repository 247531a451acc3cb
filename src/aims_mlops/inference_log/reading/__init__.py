"""An inference log read again: windows, labels that came later, overrides."""
