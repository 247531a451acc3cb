"""Code that turns data into figures: fingerprint, quality, performance, bias, drift."""
