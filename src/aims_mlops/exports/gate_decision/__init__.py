"""A decision of the gate in the formats that a build server shows: SARIF, JUnit XML, Markdown."""
