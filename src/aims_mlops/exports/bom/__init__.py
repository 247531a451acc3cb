"""Bills of materials of a model: CycloneDX and SPDX."""
