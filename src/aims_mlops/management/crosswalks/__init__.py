"""Other frameworks held against ISO/IEC 42001: data, each row with relation, confidence, source."""
